import { type Json, recordsOf } from '../json.ts';
import { plainText } from './composition.ts';
import { type BlockFault, findBlockFault } from './message-blocks.ts';
import { bool, type Check, type Faults, shape, tagged, text } from './schema.ts';

/** Modals and the Home tab: https://docs.slack.dev/surfaces/modals */

/** "A view is at most 250 KB": `view_too_large`. */
export const MAX_VIEW_BYTES = 250_000;

const anything: Check = () => undefined;

const view = tagged('view', {
  modal: shape({
    required: { title: plainText(24), blocks: anything },
    optional: {
      private_metadata: text({ max: 3_000, min: 0 }),
      callback_id: text({ max: 255, min: 0 }),
      close: plainText(24),
      submit: plainText(24),
      notify_on_close: bool,
    },
  }),
  home: shape({ required: { blocks: anything } }),
});

export function findViewFault(value: Json): BlockFault | null {
  const surface = value.type === 'home' ? 'home' : 'modal';
  const messages: string[] = [];
  const faults: Faults = { add: (fault, at) => messages.push(`[ERROR] ${fault} [json-pointer:${at}]`) };
  view(value, '/view', faults);
  const fault = value.blocks === undefined ? null : findBlockFault(value.blocks, { surface });
  messages.push(...(fault?.messages ?? []));
  const hasInput = recordsOf(value, 'blocks').some(({ type }) => type === 'input');
  if (surface === 'modal' && hasInput && value.submit === undefined)
    messages.push('[ERROR] missing required field: submit [json-pointer:/view]');
  return messages.length > 0 ? { error: fault?.error ?? 'invalid_blocks', messages } : null;
}
