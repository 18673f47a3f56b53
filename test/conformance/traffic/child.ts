import { RECORDS, record, SPEAKER } from './recorder.ts';

/** As `node --import`: for a program that has the local Slack in itself. */
const { [RECORDS]: folder, [SPEAKER]: speaker } = process.env;
if (folder !== undefined && speaker !== undefined) record(folder, speaker);
