import { fieldWords } from '../../command/options.ts';
import { formatPreview } from '../answers.ts';
import { context, line, type Message, plain, richText, words } from '../message.ts';
import { cleanOutput, shortLine } from '../text/plain.ts';
import { formatBytes, formatCount } from '../text/wording.ts';
import type { InputBlock, Modal, Option, ViewBlock } from './view.ts';

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
      ...hostFields(),
      commandField(),
      channelField(state),
      ...limitFields(),
      resultsField(),
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
      ...hostFields(),
      ...(file === undefined ? [actionField(), localField()] : []),
      textField('remote', 1_000, false),
      channelField(state),
      ...limitFields(),
      ...previewOf(state),
    ],
  };
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

function hostFields(): readonly InputBlock[] {
  return [
    {
      type: 'input',
      block_id: 'hosts',
      label: plain('Hosts and groups'),
      optional: true,
      element: {
        type: 'multi_external_select',
        action_id: HOSTS_ACTION,
        min_query_length: 0,
        placeholder: plain('web01, @web …'),
        max_selected_items: 100,
      },
    },
    textField('terms', 2_000),
  ];
}

function commandField(): InputBlock {
  return textField('command', 3_000, false, true);
}

const ACTIONS: readonly Option[] = [
  { text: plain('put: send a file to the hosts'), value: 'put' },
  { text: plain('get: fetch a file from the hosts'), value: 'get' },
];

function actionField(): InputBlock {
  const [put] = ACTIONS;
  return {
    type: 'input',
    block_id: 'action',
    label: plain('Direction'),
    element: {
      type: 'static_select',
      action_id: 'action',
      options: ACTIONS,
      ...(put === undefined ? {} : { initial_option: put }),
    },
  };
}

function localField(): InputBlock {
  return textField('local', 1_000, false);
}

function channelField({ channelId }: FormState): InputBlock {
  return {
    type: 'input',
    block_id: 'channel',
    label: plain('Channel for the results'),
    hint: plain('What you may do depends on it, and the bot has to be in it'),
    element: {
      type: 'conversations_select',
      action_id: 'channel',
      // Also where a message's shortcut or a command tells the channel: what is chosen is judged anyway.
      ...(channelId === undefined
        ? { default_to_current_conversation: true }
        : { initial_conversation: channelId }),
      filter: { include: ['public', 'private'], exclude_bot_users: true },
    },
  };
}

function limitFields(): readonly InputBlock[] {
  return [textField('fanout', 10), textField('limit', 10)];
}

const RESULTS: readonly Option[] = [
  { text: plain('Equal ones together'), value: 'equal' },
  { text: plain("Also those that differ in the host's name only"), value: 'similar' },
  { text: plain('As differences from the usual one'), value: 'diff' },
];

function resultsField(): InputBlock {
  return {
    type: 'input',
    block_id: 'results',
    label: plain('Results'),
    optional: true,
    element: { type: 'static_select', action_id: 'results', options: RESULTS },
  };
}

/** The field of an option, in the words of the table of options. */
function textField(block: string, maxChars: number, optional = true, multiline = false): InputBlock {
  const { label, hint, placeholder } = fieldWords(block);
  return {
    type: 'input',
    block_id: block,
    label: plain(label),
    ...(hint === undefined ? {} : { hint: plain(hint) }),
    optional,
    element: {
      type: 'plain_text_input',
      action_id: block,
      ...(multiline ? { multiline } : {}),
      max_length: maxChars,
      placeholder: plain(placeholder),
    },
  };
}

function previewOf({ preview }: FormState): readonly ViewBlock[] {
  if (preview === undefined) {
    return [context('The next step shows the hosts; nothing runs before that.')];
  }
  return [{ type: 'divider' }, ...formatPreview(...preview).blocks];
}
