import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { TRAFFIC } from '../../../src/sandbox/slack/traffic.ts';

/** The folder of this test run; set by `run.ts`. */
export const RECORDS = 'BATCHOPS_TEST_RECORDS';
/** The test file that speaks, for the programs that it starts. */
export const SPEAKER = 'BATCHOPS_TEST_SPEAKER';

/**
 * Writes down all that goes between apps and local Slacks of this process, until what is returned is called: a
 * file per process and test file, a line of JSON each, whole even where the process is killed.
 */
export function record(folder: string, speaker: string): () => void {
  const path = join(folder, `${encodeURIComponent(speaker)}.${process.pid}`);
  const write = (part: unknown): void => appendFileSync(path, `${JSON.stringify(part)}\n`);
  subscribe(TRAFFIC, write);
  return () => unsubscribe(TRAFFIC, write);
}
