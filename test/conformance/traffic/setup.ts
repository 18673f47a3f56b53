import { relative } from 'node:path';
import { afterAll, expect } from 'vitest';
import { RECORDS, record, SPEAKER } from './recorder.ts';

/** In each test file: what its bot sends is written down, and judged once all have run. */

/** Speak to the sandbox by themselves, and mostly to be refused; or make Slack send what is none of its own. */
const NOT_THE_BOT = /^test\/(?:sandbox\/slack|conformance|fuzz\/payloads)\b/;

const root = new URL('../../..', import.meta.url).pathname;
const speaker = relative(root, expect.getState().testPath ?? '');
const folder = process.env[RECORDS];
if (folder !== undefined && !NOT_THE_BOT.test(speaker)) {
  process.env[SPEAKER] = speaker;
  afterAll(record(folder, speaker));
}
