import { viewBlocks } from './blocks.ts';
import { both, fault, flag, isJson, type Json, kinds, listOf, object, type Rule, text } from './rules.ts';
import { plainText } from './texts.ts';

/** Modals and Home tabs: @slack/types' `views.d.ts`, https://docs.slack.dev/surfaces/modals */

/** "private_metadata: 3000 … callback_id: 255"; both may be empty. */
const kept = {
  private_metadata: text({ max: 3_000, min: 0 }),
  callback_id: text({ max: 255, min: 0 }),
  external_id: text({ max: 255 }),
};

/** "submit is required when an input block is within the blocks array." */
function needsSubmit(view: Json, at: string) {
  const hasInput = listOf(view, 'blocks').some(({ type }) => type === 'input');
  return hasInput && view.submit === undefined ? fault(`${at}/submit`, 'is missing beside an input') : [];
}

/** "title, close, submit: maximum length of 24 characters" */
const modal = object(
  { title: plainText(24), blocks: viewBlocks },
  { ...kept, close: plainText(24), submit: plainText(24), clear_on_close: flag, notify_on_close: flag },
  needsSubmit,
);

const home = object({ blocks: viewBlocks }, kept);

/** "view_too_large: … greater than 250kb" (views.open). */
const MAX_BYTES = 250_000;

const size: Rule = (value, at) => {
  const bytes = isJson(value) ? Buffer.byteLength(JSON.stringify(value)) : 0;
  return bytes > MAX_BYTES ? fault(at, `is ${bytes} bytes, at most ${MAX_BYTES}`) : [];
};

export const modalView: Rule = both(kinds('modal', { modal }), size);
export const homeView: Rule = both(kinds('Home tab', { home }), size);
