import { CHANNEL, type Field, type FieldWords } from '../../command/fields.ts';
import { fieldsOf } from '../../command/options.ts';
import { formatPreview } from '../answers.ts';
import { context, line, type Message, plain, richText, words } from '../message.ts';
import { cleanOutput, shortLine } from '../text/plain.ts';
import { formatBytes, formatCount } from '../text/wording.ts';
import type { Input, InputBlock, Modal, ViewBlock } from './view.ts';

/** The windows: one to run a command, one to copy a file. */
export const RUN_FORM = 'batchops_form_run';
export const COPY_FORM = 'batchops_form_copy';
/** The shortcuts of manifest.yml that open them. */
export const RUN_SHORTCUT = 'batchops_run';
export const SEND_SHORTCUT = 'batchops_send_file';
/** The select whose options are hosts and groups. */
export const HOSTS_ACTION = 'batchops_form_hosts';

/** What the form is opened with, and shown again with once it was judged. */
export interface FormState {
  /** Where it was asked for; the results go there unless another channel is chosen. */
  readonly channelId?: string;
  /** A file of Slack's to send, in place of one of the transfer folder. */
  readonly file?: { readonly name: string; readonly bytes: number };
  /** Ours to read when it comes back. */
  readonly metadata: string;
  readonly preview?: Parameters<typeof formatPreview>;
}

export function formatRunForm(state: FormState): Modal {
  return {
    type: 'modal',
    callback_id: RUN_FORM,
    title: plain('Run a command'),
    ...ending(state),
    blocks: [
      ...fieldsOf('run', 'which hosts').map(formatField),
      ...commandFirst(fieldsOf('run', 'what')).map(formatField),
      channelField(state),
      ...fieldsOf('run', 'how').map(formatField),
      ...fieldsOf('run', 'rollout').map(formatField),
      ...previewOf(state),
    ],
  };
}

export function formatCopyForm(state: FormState): Modal {
  const { file } = state;
  return {
    type: 'modal',
    callback_id: COPY_FORM,
    title: plain(file === undefined ? 'Copy a file' : 'Send to hosts'),
    ...ending(state),
    blocks: [
      ...(file === undefined
        ? []
        : [richText(line('The file ', code(file.name), `, ${formatBytes(file.bytes)}`))]),
      ...fieldsOf('copy', 'which hosts').map(formatField),
      ...fieldsOf('copy', 'what')
        .filter(({ block }) => file === undefined || block === 'remote')
        .map(formatField),
      channelField(state),
      ...fieldsOf('copy', 'how').map(formatField),
      ...fieldsOf('copy', 'rollout').map(formatField),
      ...previewOf(state),
    ],
  };
}

/** What most people came for. */
function commandFirst(fields: readonly Field[]): readonly Field[] {
  return fields.toSorted((a, b) => Number(b.about === 'command') - Number(a.about === 'command'));
}

/** An answer where there is no channel to say it in. */
export function formatWindow(message: Message): Modal {
  return {
    type: 'modal',
    callback_id: 'batchops_notice',
    title: plain('Batchops'),
    close: plain('Close'),
    blocks: message.blocks.length === 0 ? [richText(words(message.text || ' '))] : message.blocks,
  };
}

function code(text: string) {
  return { type: 'text' as const, text: shortLine(cleanOutput(text), 200) || ' ', style: { code: true } };
}

function ending({ preview, metadata }: FormState) {
  const going = preview?.[0].targets.filter((target) => target.skip === undefined).length ?? 0;
  const run = `Run on ${formatCount(going)} ${going === 1 ? 'host' : 'hosts'}`;
  return {
    submit: plain(preview === undefined || preview[1] !== undefined ? 'Preview' : run),
    close: plain('Close'),
    private_metadata: metadata,
  };
}

function formatField(field: Field): InputBlock {
  return { ...formatWords(field), optional: field.optional ?? false, element: formatElement(field) };
}

function formatWords({ block, label, hint }: FieldWords) {
  return {
    type: 'input' as const,
    block_id: block,
    label: plain(label),
    ...(hint === undefined ? {} : { hint: plain(hint) }),
  };
}

function formatElement(field: Field): Input {
  switch (field.kind) {
    case 'search':
      return {
        type: 'multi_external_select',
        action_id: HOSTS_ACTION,
        min_query_length: 0,
        placeholder: plain(field.placeholder),
        max_selected_items: field.maxItems,
      };
    case 'text':
      return {
        type: 'plain_text_input',
        action_id: field.block,
        ...(field.multiline ? { multiline: true } : {}),
        max_length: field.maxChars,
        placeholder: plain(field.placeholder),
      };
    case 'choice': {
      const options = field.choices.map(({ value, label }) => ({ text: plain(label), value }));
      const [first] = options;
      return {
        type: 'static_select',
        action_id: field.block,
        options,
        ...(field.optional || first === undefined ? {} : { initial_option: first }),
      };
    }
    default:
      return field satisfies never;
  }
}

function channelField({ channelId }: FormState): InputBlock {
  return {
    ...formatWords(CHANNEL),
    element: {
      type: 'conversations_select',
      action_id: CHANNEL.block,
      // Also where a message's shortcut or a command tells the channel: what is chosen is judged anyway.
      ...(channelId === undefined
        ? { default_to_current_conversation: true }
        : { initial_conversation: channelId }),
      filter: { include: ['public', 'private'], exclude_bot_users: true },
    },
  };
}

function previewOf({ preview }: FormState): readonly ViewBlock[] {
  if (preview === undefined) {
    return [context('The next step shows the hosts; nothing runs before that.')];
  }
  return [{ type: 'divider' }, ...formatPreview(...preview).blocks];
}
