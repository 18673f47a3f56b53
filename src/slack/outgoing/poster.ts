import type { OutboxClaim, OutboxRow } from '../../thread/row.ts';
import { ClosedPlaces } from './closed-places.ts';
import { Edits } from './edits.ts';
import { Logs } from './files/logs.ts';
import { Posts } from './posts.ts';
import { LEASE_MS } from './row/claimed-row.ts';
import type { PosterContext, PosterOptions } from './row/context.ts';

export interface Poster {
  /** Resolves once the outbox has been looked through: the loop that does the work is alive. */
  beat(): Promise<void>;
  /** Somebody else posted into this channel: what waits for it may go. */
  worked(channelId: string): void;
  /** Stops claiming, lets what is on its way arrive, and gives back what has not begun. */
  close(): Promise<void>;
}

/** No more than a channel's line holds: what is claimed keeps its place before a run that has just begun. */
const CLAIM = 2;
/** Where a listener was missed or a row's time had come in between: look again after this at the latest. */
const LOOK_AGAIN_MS = 1_000;
const PAUSE_MS = 60_000;
/** Another process, an administrator's, may make rows due. */
const LOOK_ANYWAY_MS = 10_000;

/**
 * Brings Slack in line with the store. Claims rows as there is room for them and hands them to one of three:
 * `Posts` (new messages and hosts' files, a line per channel), `Edits` (root messages and boards, one budget
 * for the workspace) and `Logs` (files on whole runs), as Slack counts them apart and a backlog of one must
 * not hold up the others.
 */
export function openPoster(options: PosterOptions): Poster {
  const { outbox, log } = options;
  const now = options.now ?? Date.now;
  const clock = options.clock ?? (() => performance.now());
  const stopping = new AbortController();
  const closed = new ClosedPlaces({ ...options, clock });
  const context: PosterContext = {
    ...options,
    now,
    clock,
    signal: stopping.signal,
    closed,
    onRoom: () => wake(),
    onCredentials(code: string) {
      if (clock() >= pausedUntil) log.error({ error: code }, 'Slack refuses the bot: posting pauses');
      pausedUntil = clock() + PAUSE_MS;
      return PAUSE_MS;
    },
  };
  const posts = new Posts(context);
  const edits = new Edits(context);
  const logs = new Logs(context);
  let pausedUntil = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;
  let isLooking = false;
  let isAsked = false;
  let looking: Promise<void> = Promise.resolve();

  function wake(): void {
    isAsked = true;
    if (isLooking || stopping.signal.aborted) return;
    isLooking = true;
    looking = look().finally(() => {
      isLooking = false;
      // Asked again after the last look.
      if (isAsked) wake();
    });
  }

  async function look(): Promise<void> {
    clearTimeout(timer);
    isAsked = false;
    try {
      await closed.load();
      if (clock() >= pausedUntil) await claimAll();
      const nextAt = (await outbox.nextDueAt()) ?? Number.POSITIVE_INFINITY;
      // A row that is due but was not claimed waits for room in its channel, and that wakes us by itself.
      const waitMs = nextAt > now() ? nextAt - now() : LOOK_AGAIN_MS;
      plan(Math.min(waitMs, closed.waitMs(), LOOK_ANYWAY_MS));
    } catch (error) {
      log.error({ err: error }, 'the outbox cannot be read');
      plan(LOOK_AGAIN_MS);
    }
  }

  function plan(waitMs: number): void {
    if (stopping.signal.aborted) return;
    clearTimeout(timer);
    timer = setTimeout(wake, waitMs);
  }

  function claim(limit: number, more: Partial<OutboxClaim>): Promise<readonly OutboxRow[]> {
    return limit === 0
      ? Promise.resolve([])
      : outbox.claim({ limit, now: now(), leaseMs: LEASE_MS, except: closed.channels(), ...more });
  }

  /** Of each channel that is closed one message, when its time has come. */
  async function claimTries(): Promise<void> {
    for (const channel of closed.takeDue()) {
      const only = { channel, except: [] };
      const [post] = await claim(1, { ...only, lane: 'posts' });
      const [edit] =
        post === undefined ? await claim(Math.min(1, edits.room()), { ...only, lane: 'edits' }) : [];
      const row = post ?? edit;
      if (row !== undefined) place(row);
    }
  }

  async function claimAll(): Promise<void> {
    await claimTries();
    for (;;) {
      // What a run came to goes before what its thread still lacks.
      const roots = await claim(edits.room(), { lane: 'edits' });
      const files = await claim(logs.room(), { lane: 'bulk' });
      const rest = await claim(CLAIM, {
        lane: 'posts',
        except: [...posts.fullChannels(), ...closed.channels()],
      });
      const rows = [...roots, ...files, ...rest];
      for (const row of rows) place(row);
      if (rows.length === 0 || stopping.signal.aborted) return;
    }
  }

  function place(row: OutboxRow): void {
    const claimed = { row, claimedAt: clock() };
    if (row.sends === 'bulk') logs.add(claimed);
    else if (row.sends === 'message' && row.ts !== null && row.ts !== '')
      edits.add({ ...claimed, ts: row.ts });
    else posts.add(claimed);
  }

  outbox.onDue(wake);
  wake();

  return {
    async beat() {
      wake();
      await looking;
    },
    worked(channelId) {
      closed.worked(channelId, 'post').catch((error: unknown) => {
        log.error({ err: error, channel: channelId }, 'a channel that works again could not be noted');
      });
    },
    async close() {
      stopping.abort();
      clearTimeout(timer);
      await looking;
      await Promise.all([posts.idle(), edits.idle(), logs.idle()]);
    },
  };
}
