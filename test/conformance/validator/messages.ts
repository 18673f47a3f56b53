import { messageBlocks } from './blocks.ts';
import {
  anything,
  type Fault,
  fault,
  flag,
  isJson,
  type Json,
  matching,
  object,
  oneOf,
  type Rule,
  structure,
  text,
} from './rules.ts';

/** What a message may carry, however it is sent: https://docs.slack.dev/reference/methods/chat.postMessage */

/** As Slack writes the time of a message, which is its name. */
export const ts = matching(/^\d{10}\.\d{6}$/);

/** "we recommend … 4,000 characters"; chat.update: `msg_too_long` above. A longer text could never be edited. */
export const messageText = text({ max: 4_000 });

/** "Slack will truncate messages containing more than 40,000 characters": a new message that is nothing but text. */
export const newText = text({ max: 40_000 });

/** Beside blocks it is what a notification shows, and the message may be edited. */
export function fitsBlocks(value: Json, at: string): readonly Fault[] {
  return value.blocks === undefined || typeof value.text !== 'string'
    ? []
    : messageText(value.text, `${at}text`);
}

/**
 * "event_type: a human readable alphanumeric string … event_payload: a free-form object". `metadata_too_large`
 * exists; its number does not: a job's id fits, output does not.
 */
const MAX_METADATA_BYTES = 8_000;
const metadata: Rule = (value, at) => [
  ...object({ event_type: matching(/^[a-z][\w.-]{0,254}$/i), event_payload: isObject })(value, at),
  ...(Buffer.byteLength(JSON.stringify(value)) > MAX_METADATA_BYTES
    ? fault(at, `is more than ${MAX_METADATA_BYTES} bytes`)
    : []),
];

function isObject(value: unknown, at: string): readonly Fault[] {
  return isJson(value) ? [] : fault(at, 'is no object');
}

/** No blocks at all is how an edit takes them away. */
const blocks: Rule = (value, at) =>
  Array.isArray(value) && value.length === 0 ? [] : messageBlocks(value, at);

export const content: Readonly<Record<string, Rule>> = {
  text: messageText,
  blocks: structure(blocks),
  metadata: structure(metadata),
  parse: oneOf('full', 'none'),
  link_names: flag,
};

export const newContent: Readonly<Record<string, Rule>> = {
  ...content,
  text: newText,
  thread_ts: ts,
  reply_broadcast: flag,
  mrkdwn: flag,
  unfurl_links: flag,
  unfurl_media: flag,
};

/** Also beside blocks: text is what notifications and screen readers have. */
function hasText(value: Json, at: string): readonly Fault[] {
  const isDeleting = value.delete_original === true;
  return isDeleting || value.text !== undefined ? [] : fault(`${at}text`, 'is missing');
}

/** At a response_url, or in the ack of a slash command: https://docs.slack.dev/interactivity/handling-user-interaction */
export const answer: Rule = object(
  {},
  {
    ...newContent,
    response_type: oneOf('ephemeral', 'in_channel'),
    replace_original: flag,
    delete_original: flag,
    token: anything,
  },
  (value, at) => [...hasText(value, at), ...fitsBlocks(value, at)],
);
