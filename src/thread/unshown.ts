import { bold, line, type Message, preformatted, richText, words } from '../report/message.ts';
import type { Job, Run } from '../run/run.ts';
import { parseKey, type RowSubject } from './row.ts';

/**
 * What is said where showing a result failed by a defect of ours. None of it goes through what else makes
 * messages of a text: printable ASCII stays, a line's end stays, everything else is a dot.
 */
const MAX_OUTPUT_CHARS = 3_000;
const MAX_NAME_CHARS = 120;

/** In the place of the row's message, which could not be made. The log has the defect under its key. */
export function formatUnshown(key: string): Message {
  const id = asciiOf(key, MAX_NAME_CHARS);
  const log = `the log has the defect under ${id}`;
  const subject = parseKey(key);
  if (subject === undefined || subject.kind === 'audit') {
    return messageOf(`An entry of the audit trail could not be shown here; ${log}.`);
  }
  const host = 'host' in subject ? ` ${asciiOf(subject.host, MAX_NAME_CHARS)}` : '';
  const what = `${SHOWN[subject.kind]}${host === '' ? '' : ` of${host}`}`;
  const run = asciiOf(subject.runId, MAX_NAME_CHARS);
  return messageOf(
    `${what} could not be shown here; ${log}. What was stored can still be asked for: /batch show ${run}${host}`,
  );
}

const SHOWN = {
  root: 'How far the run is',
  canary: 'What came of the canary',
  reply: 'The result',
  file: 'The file with the output',
  spooled: 'The file with the output',
  board: 'A part of the results',
  log: 'The file on the run',
} as const satisfies Record<Exclude<RowSubject['kind'], 'audit'>, string>;

function messageOf(text: string): Message {
  return {
    text: text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;'),
    blocks: [richText(words(text))],
  };
}

/** For `/batch show RUN HOST`, where the result cannot be shown as it should be: how it ended, and its end. */
export function formatBareResult(run: Run, job: Job): Message {
  const host = asciiOf(job.host, MAX_NAME_CHARS);
  const { outcome } = job;
  const ended =
    outcome === undefined
      ? job.state
      : `${outcome.kind}${outcome.exitCode === null ? '' : `, exit ${outcome.exitCode}`}`;
  const title = `${host} in ${run.id}: ${ended}. It could not be shown as it should be, so this is less of it, in plain letters.`;
  const { text, blocks } = messageOf(title);
  const streams =
    outcome === undefined ? [] : [['stdout', outcome.stdout] as const, ['stderr', outcome.stderr] as const];
  const boxes = streams.flatMap(([name, { head, tail, totalBytes }]) => {
    const end = (tail === '' ? head : tail).slice(-MAX_OUTPUT_CHARS);
    return totalBytes === 0
      ? []
      : [
          line(bold(name), `: the end of ${totalBytes} bytes`),
          preformatted(asciiOf(end, MAX_OUTPUT_CHARS) || ' '),
        ];
  });
  return boxes.length === 0 ? { text, blocks } : { text, blocks: [...blocks, richText(...boxes)] };
}

function asciiOf(text: string, maxChars: number): string {
  let shown = '';
  for (let at = 0; at < text.length && at < maxChars; at += 1) {
    const code = text.charCodeAt(at);
    shown += (code >= 0x20 && code < 0x7f) || code === 0x0a ? text.charAt(at) : '.';
  }
  return shown;
}
