import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';
import type { Beat } from '../time/beat.ts';

/**
 * Epoch ms at the start of the process, and from then on by a clock that nobody can set: for what is measured
 * within one process (leases, pace, retries). What people read is by `Date.now`.
 */
export function openSteadyClock(): () => number {
  const offset = Date.now() - performance.now();
  return () => offset + performance.now();
}

/** Now, by the wall clock and by the machine's own. */
export function readBeat(): Beat {
  return { at: Date.now(), boot: bootId(), uptimeMs: Math.round(uptime() * 1_000) };
}

/** Of several machines each has a wall clock of its own: `wall` is one that they share. */
export function beatBy(wall: () => number): () => Beat {
  return () => ({ ...readBeat(), at: wall() });
}

/** Linux names each start of the machine; elsewhere only the wall clock is left. */
function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}
