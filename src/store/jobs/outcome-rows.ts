import type { Insertable, Transaction } from 'kysely';
import { describeSameness } from '../../gather/fold.ts';
import { countFirstKeys, keptChars, type Outcome } from '../../run/outcome.ts';
import { findTarget, type Plan } from '../../run/plan.ts';
import { breathe } from '../../time/breathe.ts';
import { hashOutput } from '../audit/digest.ts';
import { sha256 } from '../audit/sha256.ts';
import type { Schema } from '../schema.ts';
import { formatOutcome } from './stored-outcome.ts';

/** Some 5 ms of writing. */
const CHARS_AT_ONCE = 500_000;
const CHARS_A_STATEMENT = 64_000;

/** An outcome as it is stored. */
export function toRows(
  jobId: string,
  host: string,
  plan: Plan,
  outcome: Outcome,
): {
  readonly result: Insertable<Schema['result']>;
  readonly output: Insertable<Schema['output']> | undefined;
} {
  const { outcomeJson, streamsJson } = formatOutcome(outcome);
  return {
    result: {
      job_id: jobId,
      outcome_json: outcomeJson,
      fold: foldOf(outcome, host, plan),
      exit_code: outcome.exitCode,
      duration_ms: outcome.durationMs,
      output_chars: keptChars(outcome),
      output_hash: hashOutput(streamsJson),
      first_keys: countFirstKeys(outcome),
    },
    output: streamsJson === null ? undefined : { job_id: jobId, streams_json: streamsJson },
  };
}

function foldOf(outcome: Outcome, host: string, plan: Plan): string {
  return sha256(describeSameness(outcome, findTarget(plan, host) ?? { host, ip: '' }, plan.fold ?? 'exact'));
}

/** Long outputs take a while to write: others get their turn now and then. */
export async function storeOutputs(
  trx: Transaction<Schema>,
  outputs: readonly Insertable<Schema['output']>[],
): Promise<void> {
  let written = 0;
  for (const { some, chars } of inStatements(outputs)) {
    await trx.insertInto('output').values(some).execute();
    written += chars;
    if (written < CHARS_AT_ONCE) continue;
    written = 0;
    await breathe();
  }
}

/** Short ones go many at a time; a statement that is kept to be used again keeps what it was given last. */
function* inStatements(outputs: readonly Insertable<Schema['output']>[]) {
  let some: Insertable<Schema['output']>[] = [];
  let chars = 0;
  for (const output of outputs) {
    some.push(output);
    chars += output.streams_json.length;
    if (chars < CHARS_A_STATEMENT) continue;
    yield { some, chars };
    some = [];
    chars = 0;
  }
  if (some.length > 0) yield { some, chars };
}
