import type { Kysely } from 'kysely';
import type { AuditVerification, ExpectedHead } from '../../run/audit-entry.ts';
import type { Schema } from '../schema.ts';
import { Findings } from './findings.ts';
import { verifyChain } from './verify-chain.ts';
import { verifyRuns } from './verify-runs.ts';

/** The chain in itself, then the tables by what the chain says of them. Walks all, holds little of it. */
export async function verifyAll(db: Kysely<Schema>, expected?: ExpectedHead): Promise<AuditVerification> {
  const findings = new Findings();
  const { entries, head, retired } = await verifyChain(db, expected, findings);
  await verifyRuns(db, retired, findings);
  const { faults, notes } = findings;
  return { entries, head, faults, notes };
}
