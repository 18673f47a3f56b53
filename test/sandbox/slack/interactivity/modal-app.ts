import type { App } from '@slack/bolt';
import { expect } from 'vitest';
import type { LocalSlack } from '../../../../src/sandbox/slack/local-slack.ts';
import { ANN } from '../rig.ts';

export const plain = (text: string) => ({ type: 'plain_text' as const, text });
export const option = (value: string) => ({ text: plain(value.toUpperCase()), value });

export const form = {
  type: 'modal' as const,
  callback_id: 'run',
  title: plain('Run'),
  submit: plain('Run'),
  private_metadata: 'm',
  blocks: [
    {
      type: 'input' as const,
      block_id: 'hosts',
      label: plain('Hosts'),
      element: {
        type: 'multi_external_select' as const,
        action_id: 'hosts',
        min_query_length: 1,
        placeholder: plain('web'),
      },
    },
    {
      type: 'input' as const,
      block_id: 'command',
      label: plain('Command'),
      element: { type: 'plain_text_input' as const, action_id: 'command', max_length: 10 },
    },
    {
      type: 'input' as const,
      block_id: 'more',
      optional: true,
      label: plain('More'),
      element: {
        type: 'static_select' as const,
        action_id: 'more',
        options: [option('dry'), option('diff')],
        initial_option: option('dry'),
      },
    },
    { type: 'section' as const, block_id: 'note', text: plain('Nothing yet.') },
  ],
};

/** Everything that the app was sent, by type. */
export type Seen = Record<string, unknown>[];

export function register(app: App, seen: Seen): void {
  app.shortcut('run', async ({ ack, client, shortcut }) => {
    await ack();
    await client.views.open({ trigger_id: shortcut.trigger_id, view: form });
  });
  app.options('hosts', async ({ ack, body, options }) => {
    seen.push({ ...body });
    const found = ['web1', 'web2', 'db1'].filter((name) => name.includes(options.value)).map(option);
    await ack({ options: found });
  });
  app.view('run', async ({ ack, body, view }) => {
    seen.push({ ...body });
    const command = view.state.values.command?.command?.value ?? '';
    const next = { type: 'modal' as const, title: plain(command), blocks: form.blocks.slice(3) };
    if (command === 'bad') await ack({ response_action: 'errors', errors: { command: 'Not that.' } });
    else if (command === 'astray') await ack({ response_action: 'errors', errors: { note: 'no input' } });
    else if (command === 'push') await ack({ response_action: 'push', view: next });
    else if (command === 'update') await ack({ response_action: 'update', view: next });
    else if (command === 'preview')
      await ack({ response_action: 'update', view: { ...form, title: plain('Preview') } });
    else if (command === 'clear') await ack({ response_action: 'clear' });
    else if (command === 'long')
      await ack({ response_action: 'update', view: { ...next, title: plain('x'.repeat(25)) } });
    else await ack();
  });
}

export async function openForm(slack: LocalSlack): Promise<string> {
  expect(await slack.shortcut({ user: ANN, callbackId: 'run' })).toMatchObject({ ok: true, error: null });
  const view = await slack.waitFor(() => slack.views(ANN)[0]);
  return view.id;
}

export const fill = async (slack: LocalSlack, viewId: string, command: string) => {
  await slack.suggest({ user: ANN, viewId, actionId: 'hosts', query: 'web' });
  return slack.submit({ user: ANN, viewId, values: { hosts: ['web1', 'web2'], command } });
};
