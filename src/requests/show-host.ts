import type { Log } from '../ports/log.ts';
import type { Message } from '../report/message.ts';
import type { Job, Run } from '../run/run.ts';
import { formatShowHost } from '../thread/reply/reply.ts';
import { formatBareResult } from '../thread/unshown.ts';

/** A person waits, and so does everybody else meanwhile. */
const SLOW_MS = 2_000;

/** Results that took too long to be shown once, the last few of them; a job's result never changes. */
const slow = new Set<string>();
const MAX_KNOWN = 100;

/** A host's part in a run: as it should be, or where that fails or took too long before, the bare essentials. */
export function showHost(log: Log, run: Run, job: Job): Message {
  const id = `show:${run.id}:${job.host}`;
  if (slow.has(id)) return formatBareResult(run, job);
  const startedAt = performance.now();
  try {
    return formatShowHost(run, job);
  } catch (error) {
    log.error({ err: error, id }, 'a result could not be shown');
    return formatBareResult(run, job);
  } finally {
    if (performance.now() - startedAt > SLOW_MS) remember(id);
  }
}

function remember(id: string): void {
  slow.add(id);
  const [oldest] = slow;
  if (oldest !== undefined && slow.size > MAX_KNOWN) slow.delete(oldest);
}
