import { createHash, randomUUID } from 'node:crypto';
import type { Digest } from '../gather/capture.ts';
import type { Host } from '../inventory/inventory.ts';
import type { Execution, Transport } from '../ports.ts';
import { bareOutcome, NO_OUTPUT, type Outcome } from '../run/outcome.ts';
import type { Work } from '../run/plan.ts';
import type { Ending } from './command/ending.ts';
import { runCommand } from './command/run-command.ts';
import { Connections } from './connection/connections.ts';
import { copyFile } from './copy/copy.ts';
import { DEFAULT_DEADLINES, DEFAULT_MAX_FETCH_BYTES, type TransportSettings } from './settings.ts';
import type { StreamName } from './spool/spool-folder.ts';
import { openTransferFolder } from './transfer-folder.ts';
import { stopKind, Trouble } from './trouble.ts';

export function openTransport(settings: TransportSettings): Transport {
  const connections = new Connections(settings);
  const deadlines = { ...DEFAULT_DEADLINES, ...settings.deadlines };
  const { spool } = settings;
  const folder = openTransferFolder(settings.transferDir);
  const running = new Map<AbortController, Promise<Outcome>>();
  let isClosed = false;

  async function perform(host: Host, work: Work, how: Execution, signal: AbortSignal): Promise<Ending> {
    return connections.use(host, signal, async (connection, channelMs) => {
      if (work.action === 'run') {
        const result = await runCommand({
          connection,
          command: work.command,
          timeLimitMs: how.timeLimitMs,
          signal,
          deadlines: { ...deadlines, channelMs },
          mask: settings.secretsMask(),
          openDigest,
          ...(spool === undefined
            ? {}
            : { openSpoolFile: (stream: StreamName) => spool.openFile(how.runId, host.name, stream) }),
        });
        const hasEnded = result.kind === 'ok' || result.kind === 'failed' || result.kind === 'killed';
        return { result, isClean: hasEnded && result.reason === '' };
      }
      const file = await copyFile(
        {
          connection,
          channelMs,
          runId: how.runId,
          silenceMs: how.timeLimitMs,
          mayTouch: how.mayTouch,
          signal,
          maxFetchBytes: settings.maxFetchBytes ?? DEFAULT_MAX_FETCH_BYTES,
        },
        folder,
        work,
      );
      return { result: { ...ENDED, file }, isClean: true };
    });
  }

  async function execute(host: Host, work: Work, how: Execution, signal: AbortSignal): Promise<Outcome> {
    const startedAt = performance.now();
    const durationMs = () => Math.round(performance.now() - startedAt);
    try {
      const ending = await perform(host, work, how, signal);
      // Remote text may stand in it.
      return { ...ending, reason: settings.secretsMask().text(ending.reason), durationMs: durationMs() };
    } catch (error) {
      if (error instanceof Trouble) {
        return bareOutcome(error.kind, settings.secretsMask().text(error.message), durationMs());
      }
      const id = randomUUID().slice(0, 8);
      settings.log.error({ id, host: host.name, error }, 'A job failed for a reason of our own');
      return bareOutcome(
        'lost',
        `a fault in the bot, logged as ${id}; what became of it is not known`,
        durationMs(),
      );
    }
  }

  return {
    execute(host, work, how) {
      if (isClosed) return Promise.resolve(bareOutcome('interrupted', 'the bot is stopping'));
      const stop = new AbortController();
      const onAbort = () => stop.abort(stopKind(how.signal));
      how.signal.addEventListener('abort', onAbort, { once: true });
      if (how.signal.aborted) onAbort();
      const outcome = execute(host, work, how, stop.signal).finally(() => {
        how.signal.removeEventListener('abort', onAbort);
        running.delete(stop);
      });
      running.set(stop, outcome);
      return outcome;
    },

    async close() {
      isClosed = true;
      const outcomes = [...running.values()];
      for (const stop of running.keys()) stop.abort('interrupted');
      await Promise.all(outcomes);
      await connections.close();
    },
  };
}

/** A copy's ending says all with its file. */
const ENDED: Ending = {
  kind: 'ok',
  exitCode: null,
  signal: null,
  reason: '',
  stdout: NO_OUTPUT,
  stderr: NO_OUTPUT,
};

function openDigest(): Digest {
  const hash = createHash('sha256');
  return { update: (bytes) => void hash.update(bytes), hex: () => hash.digest('hex') };
}
