import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { useContext } from 'preact/hooks';
import { type Json, recordsOf, textOf } from '../../../slack/json.ts';
import { labelOf } from '../blocks/label.ts';
import { ActionsContext } from '../surfaces/form.ts';
import { Menu } from './menu.ts';

export function Overflow({ element, blockId }: { element: Json; blockId: string | undefined }): VNode {
  const actions = useContext(ActionsContext);
  const actionId = textOf(element, 'action_id') ?? '';
  const error = actions.errorOf(actionId);
  const items = recordsOf(element, 'options').map((option) => ({
    key: textOf(option, 'value') ?? '',
    name: labelOf(option, 'text'),
    note: labelOf(option, 'description'),
  }));
  return html`<span class="action">
    <${Menu} label="More actions" sign="⋯" className="button" items=${items}
      onChoose=${(value: string) => void actions.press(actionId, blockId, [value])} />
    ${error === undefined ? null : html`<span class="action-error" role="alert">⚠ ${error}</span>`}
  </span>`;
}
