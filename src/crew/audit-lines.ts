import type { Crew } from '../ports/crew.ts';
import { answering, askPart } from './asking.ts';

const AUDIT = 'audit-lines';
const PATIENCE_MS = 10_000;

/** Whether entries of the audit have a line in a channel. */
export type AuditLines = 'channel' | 'nobody';

/** For a worker: the bot part alone posts them, and knows whether there is a channel. */
export function askAuditLines(crew: Crew): Promise<AuditLines> {
  return askPart<AuditLines>(crew, 'bot', AUDIT, null, PATIENCE_MS);
}

export function tellAuditLines(channel: string | undefined) {
  return { [AUDIT]: answering<null>(async () => (channel === undefined ? 'nobody' : 'channel')) };
}
