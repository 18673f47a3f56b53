import { createHash, hash, randomUUID } from 'node:crypto';
import { Refusal } from '../errors.ts';
import type { Digest } from '../gather/capture.ts';
import { fill } from '../inventory/fill.ts';
import type { Host } from '../inventory/inventory.ts';
import type { Execution, HostKeyring, Transport } from '../ports/hosts.ts';
import { UNMETERED } from '../run/copy-progress.ts';
import type { FirstKey } from '../run/host-key.ts';
import { bareOutcome, NO_OUTPUT, type Outcome } from '../run/outcome.ts';
import type { RunWork, Work } from '../run/plan.ts';
import type { Ending } from './command/ending.ts';
import { runCommand } from './command/run-command.ts';
import type { Sudo } from './command/starting/sudo-password.ts';
import type { Connection } from './connection/connection.ts';
import { type Borrow, Connections } from './connection/connections.ts';
import { copyFile } from './copy/copy.ts';
import { SharedSources } from './flow/shared-source.ts';
import { Windows } from './flow/window.ts';
import { openKeyring } from './host-keys/keyring.ts';
import { CredentialTrials } from './login/credential-trials.ts';
import type { ConnectContext } from './login/log-in.ts';
import { LeftoverFiles } from './part/leftovers.ts';
import { pingHost } from './ping/ping.ts';
import { SentFiles } from './sent-files.ts';
import { DEFAULT_DEADLINES, DEFAULT_MAX_FETCH_BYTES, type TransportSettings } from './settings.ts';
import { DEFAULT_COPY_LIMITS } from './sftp/limits.ts';
import type { StreamName } from './spool/spool-folder.ts';
import { openTransferFolder } from './transfer-folder.ts';
import { NeedsTerminal, NoInput, stopKind, Trouble } from './trouble.ts';

/** The same connections serve the work and the look at host keys. */
export interface SshTransport extends Transport {
  /** How many connections are kept for the next command. */
  kept(): number;
  readonly keyring: HostKeyring;
}

export function openTransport(settings: TransportSettings): SshTransport {
  const connections = new Connections(settings);
  const deadlines = { ...DEFAULT_DEADLINES, ...settings.deadlines };
  const { spool } = settings;
  const folder = openTransferFolder(settings.transferDir, settings.origins, settings.room);
  const limits = { ...DEFAULT_COPY_LIMITS, ...settings.copyLimits };
  const leftovers = new LeftoverFiles(settings.leftovers, settings.log);
  const sources = new SharedSources();
  const windows = new Windows();
  const running = new Map<AbortController, Promise<Outcome>>();
  const sentFiles = new SentFiles(folder);
  const sudoTrials = new CredentialTrials();
  /** Whose sudo has asked for a terminal. */
  const inTerminal = new WeakSet<Host>();
  /** Of which it was told how they came about. */
  const met = new WeakSet<Connection>();
  const stopLooks = new AbortController();
  let isClosed = false;

  async function perform(host: Host, work: Work, how: Execution, context: ConnectContext): Promise<Ending> {
    const { signal } = context;
    const use: Borrow<Ending> = async (connection, channelMs) => {
      if (connection.meeting && !met.has(connection)) how.onMet?.(connection.meeting);
      met.add(connection);
      const since = performance.now();
      const ended = () => settings.meters?.took('work', work.action, performance.now() - since);
      let ending: Ending;
      try {
        ending =
          work.action === 'run'
            ? await sentFiles.use(work.script, (script) =>
                sentFiles.use(work.stdin, (stdin) =>
                  run(connection, host, { ...work, files: { script, stdin } }, how, channelMs, signal),
                ),
              )
            : work.action === 'ping'
              ? await ping(connection, how, channelMs, signal)
              : await copy(connection, work, how, channelMs, signal);
      } catch (error) {
        // Nothing was asked of the host yet, so nothing of this run is there: it goes on with another connection.
        if (error instanceof Trouble && (error.mayBeStale || error.isPassing)) throw error;
        ended();
        const left = await leftovers.sweep(connection, { runId: how.runId, channelMs, limits });
        throw error instanceof Trouble ? error.andLeft(left) : error;
      }
      ended();
      const left = await leftovers.sweep(connection, { runId: how.runId, channelMs, limits });
      const hasEnded = ending.kind === 'ok' || ending.kind === 'failed' || ending.kind === 'killed';
      const isClean = hasEnded && left.length === 0 && (work.action !== 'run' || ending.reason === '');
      return { result: { ...ending, reason: joinNotes([ending.reason, ...left]) }, isClean };
    };
    // How long it takes to log in is what a ping is for.
    return connections.use(host, context, use, work.action === 'ping');
  }

  async function ping(
    connection: Connection,
    how: Execution,
    channelMs: number,
    signal: AbortSignal,
  ): Promise<Ending> {
    const { meeting } = connection;
    if (meeting === undefined) throw new Error('a connection of which nobody knows how it came about');
    return await pingHost({
      connection,
      meeting,
      deadlines: { ...deadlines, channelMs },
      limits,
      timeLimitMs: how.timeLimitMs,
      mask: settings.secretsMask(),
      openDigest,
      signal,
      ...(how.mayBegin && { mayBegin: how.mayBegin }),
    });
  }

  async function run(
    connection: Connection,
    host: Host,
    work: RunWork & { readonly files: Readonly<Record<'script' | 'stdin', Uint8Array | undefined>> },
    how: Execution,
    channelMs: number,
    signal: AbortSignal,
  ): Promise<Ending> {
    const { script, stdin } = work.files;
    const values = how.values ?? {};
    if (host.shell === 'raw' && (work.sudo ?? script ?? stdin ?? work.env) !== undefined) {
      throw new Trouble('not-run', 'with `shell = raw` nothing but a command can be sent; nothing was');
    }
    const attempt = (): Promise<Ending> => {
      if (stdin && work.sudo !== undefined && inTerminal.has(host)) throw new NoInput();
      return runCommand({
        connection,
        command: fill(work.command, values),
        timeLimitMs: how.timeLimitMs,
        ...(how.idleMs !== undefined && { idleMs: how.idleMs }),
        ...(how.onBegun && { onBegun: how.onBegun }),
        signal,
        ...(how.mayBegin && { mayBegin: how.mayBegin }),
        deadlines: { ...deadlines, channelMs },
        mask: settings.secretsMask(),
        openDigest,
        ...(work.env && { env: work.env.map(([name, value]) => [name, fill(value, values)] as const) }),
        ...(script && {
          script: { content: script, args: (work.script?.args ?? []).map((arg) => fill(arg, values)) },
        }),
        ...(stdin && { stdin }),
        ...(work.sudo !== undefined && { sudo: sudoOn(host, work.sudo, how, signal) }),
        ...(spool && {
          openSpoolFile: (stream: StreamName) => spool.openFile(how.runId, host.name, stream),
        }),
      });
    };
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof NeedsTerminal)) throw error;
      // It has refused, and started nothing.
      inTerminal.add(host);
      return await attempt();
    }
  }

  /** The inventory as it is now: the connection may be older than its `sudo_password`. */
  function sudoOn(host: Host, user: string, how: Execution, signal: AbortSignal): Sudo {
    const password = host.sudoPassword?.reveal();
    const credential = hash('sha256', JSON.stringify(['sudo', host.user, password]));
    return {
      user,
      password,
      inTerminal: inTerminal.has(host),
      beginTrial: () => sudoTrials.begin({ runId: how.runId, host: host.name, credential }, signal),
    };
  }

  async function copy(
    connection: Connection,
    work: Extract<Work, { action: 'put' | 'get' }>,
    how: Execution,
    channelMs: number,
    signal: AbortSignal,
  ): Promise<Ending> {
    const { file, notes } = await copyFile(
      {
        connection,
        channelMs,
        runId: how.runId,
        by: how.by,
        silenceMs: how.timeLimitMs,
        limits,
        mayTouch: how.mayTouch,
        signal,
        ...(how.mayBegin && { mayBegin: how.mayBegin }),
        maxFetchBytes: settings.maxFetchBytes ?? DEFAULT_MAX_FETCH_BYTES,
        leftovers,
        sources,
        windows,
        meter: how.meter ?? UNMETERED,
      },
      folder,
      work,
    );
    return { ...ENDED, file, reason: joinNotes(notes) };
  }

  async function execute(host: Host, work: Work, how: Execution, signal: AbortSignal): Promise<Outcome> {
    const firstKeys: FirstKey[] = [];
    const context = { runId: how.runId, signal, onFirstKey: (key: FirstKey) => void firstKeys.push(key) };
    const outcome = await attempt(host, work, how, context);
    return firstKeys.length === 0 ? outcome : { ...outcome, firstKeys };
  }

  async function attempt(host: Host, work: Work, how: Execution, context: ConnectContext): Promise<Outcome> {
    const startedAt = performance.now();
    const durationMs = () => Math.round(performance.now() - startedAt);
    try {
      const ending = await perform(host, work, how, context);
      // Remote text may stand in it.
      return { ...ending, reason: settings.secretsMask().text(ending.reason), durationMs: durationMs() };
    } catch (error) {
      if (error instanceof Trouble) {
        // The library's own words, which no reason shows.
        if (error.cause !== undefined)
          settings.log.debug({ host: host.name, error: error.cause }, error.message);
        return bareOutcome(error.kind, settings.secretsMask().text(error.message), durationMs());
      }
      // The transfer folder's, and only a copy is told: as good as the host's no.
      if (error instanceof Refusal) return bareOutcome('transfer-failed', error.message, durationMs());
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
      if (isClosed)
        return Promise.resolve(bareOutcome('interrupted', 'the bot is stopping; nothing was sent'));
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

    keyring: openKeyring({
      hostKeys: settings.hostKeys,
      findHost: settings.findHost,
      // Hosts on the way are known ones. Were one not, its key could not be put on record for no run.
      fetch: (host, known, signal) =>
        connections.fetchKeys(host, known, { runId: `look-${randomUUID()}`, signal, onFirstKey() {} }),
      drop: (places) => connections.drop(places),
      stop: stopLooks.signal,
    }),
    closeStale: () => connections.closeStale(),
    kept: () => connections.kept,

    async close() {
      isClosed = true;
      stopLooks.abort('interrupted');
      const outcomes = [...running.values()];
      for (const stop of running.keys()) stop.abort('interrupted');
      await Promise.all(outcomes);
      await connections.close();
    },
  };
}

const joinNotes = (notes: readonly string[]): string => notes.filter((note) => note !== '').join('; ');

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
