/**
 * Several processes share one database, and one of them is cut off from it. The hosts are still within its reach, so
 * it ends there itself what it runs, and nobody else goes there before that must be over. All are counted from the
 * last time that the others heard of it:
 *
 * - after `FENCE_MS` it begins nothing more and ends what it runs (seen `LOOK_MS` later at most);
 * - after `LEASE_MS` the others may call its jobs `interrupted`, as nobody speaks for them;
 * - `FENCE_MS` + `LOOK_MS` + `ENDING_MS` after that last time its commands have ended, on hosts that answer at all;
 * - only then, and `SPARE_MS` later, are their hosts given to other jobs: `KEPT_MS` after they were called that.
 *
 * A process that stands still ends nothing in time; it does so first of all once it goes on.
 */
export const FENCE_MS = 8_000;
export const LOOK_MS = 250;
/** Of a ticket that nobody speaks for any more; pg-boss takes no less. */
export const LEASE_MS = 10_000;
/** For clocks that do not run at one speed, a busy loop, and the second that a limit lasts longer after it (`Deadline`). */
const SPARE_MS = 2_000;

/** How long each step may take of ending a command on its host when time is short. */
export const HASTE = {
  /** Between asking its processes to end and ending them; and for sudo to get as far as the command. */
  graceMs: 2_000,
  /** Until the host has taken the order. */
  channelMs: 3_000,
  /** Until it has said what became of them. */
  scriptMs: 4_000,
  /** For the command to say that it began, and for its last words. */
  lingerMs: 1_000,
} as const;

/** At its longest: sudo was still asking, the host did not answer the order, so it went to the command's own channel. */
export const ENDING_MS =
  HASTE.graceMs + (HASTE.channelMs + HASTE.graceMs + HASTE.scriptMs) + (HASTE.graceMs + HASTE.lingerMs);

/** How long a host is kept from others after its command was called `interrupted`. */
export const KEPT_MS = FENCE_MS + LOOK_MS + ENDING_MS + SPARE_MS - LEASE_MS;
