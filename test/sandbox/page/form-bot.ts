import type { App } from '@slack/bolt';
import type { WebClient } from '@slack/web-api';

/** A small bot with a form, a Home tab, selects and shortcuts: what the page must be able to show. */

export const plain = (text: string) => ({ type: 'plain_text' as const, text });
export const option = (value: string) => ({ text: plain(value), value });

const HOSTS = [...Array.from({ length: 20 }, (_, i) => `web${String(i + 1).padStart(2, '0')}`), 'db1', 'db2'];

export function formatForm(title: string, preview: string) {
  return {
    type: 'modal' as const,
    callback_id: 'run',
    // Ours to read when it comes back: only what was shown is run.
    private_metadata: preview,
    title: plain(title),
    submit: plain('Run'),
    close: plain('Cancel'),
    blocks: [
      {
        type: 'input' as const,
        block_id: 'hosts',
        label: plain('Hosts'),
        hint: plain('Only those you may use are offered.'),
        element: {
          type: 'multi_external_select' as const,
          action_id: 'hosts',
          min_query_length: 0,
          placeholder: plain('web01, db1 …'),
        },
      },
      {
        type: 'input' as const,
        block_id: 'group',
        optional: true,
        label: plain('Group'),
        element: {
          type: 'static_select' as const,
          action_id: 'group',
          placeholder: plain('No group'),
          options: [option('web'), option('canary'), option('db')],
        },
      },
      {
        type: 'input' as const,
        block_id: 'command',
        label: plain('Command'),
        element: {
          type: 'plain_text_input' as const,
          action_id: 'command',
          multiline: true,
          placeholder: plain('df -h'),
        },
      },
      {
        type: 'input' as const,
        block_id: 'time',
        optional: true,
        label: plain('Time limit'),
        element: { type: 'plain_text_input' as const, action_id: 'time' },
      },
      { type: 'section' as const, text: { type: 'mrkdwn' as const, text: preview } },
    ],
  };
}

export function registerForm(bot: App): void {
  bot.shortcut('run', async ({ ack, client, shortcut }) => {
    await ack();
    await client.views.open({
      trigger_id: shortcut.trigger_id,
      view: formatForm('Run a command', 'Nothing yet.'),
    });
  });
  bot.shortcut('put', async ({ ack, client, shortcut }) => {
    await ack();
    const files = 'message' in shortcut ? (shortcut.message.files ?? []) : [];
    const names = Array.isArray(files) ? files.map((file) => String(Object(file).name)).join(', ') : '';
    await client.views.open({
      trigger_id: shortcut.trigger_id,
      view: {
        type: 'modal',
        title: plain('Send to hosts'),
        blocks: [{ type: 'section', text: { type: 'mrkdwn', text: `Sends \`${names}\`.` } }],
      },
    });
  });
  bot.options('hosts', async ({ ack, options }) => {
    const found = HOSTS.filter((name) => name.includes(options.value)).map((name) => option(name));
    const groups = ['web', 'db'].map((kind) => ({
      label: plain(`The ${kind} hosts`),
      options: found.filter(({ value }) => value.startsWith(kind)),
    }));
    await ack({ option_groups: groups.filter(({ options: own }) => own.length > 0) });
  });
  bot.options('host', async ({ ack, options }) => {
    const found = HOSTS.filter((name) => name.includes(options.value)).map((name) => option(name));
    await ack({ options: found });
  });
  bot.view('run', async ({ ack, view, client, body }) => {
    const command = view.state.values.command?.command?.value ?? '';
    if (command === 'rm -rf /') {
      await ack({ response_action: 'errors', errors: { command: 'You may not run this here.' } });
      return;
    }
    if (command === 'next') {
      await ack({
        response_action: 'update',
        view: {
          type: 'modal',
          title: plain('Are you sure?'),
          submit: plain('Yes'),
          callback_id: 'sure',
          blocks: [{ type: 'section', text: plain('It runs on many hosts.') }],
        },
      });
      return;
    }
    const { values } = view.state;
    const hosts = values.hosts?.hosts?.selected_options?.map(({ value }) => value) ?? [];
    const group = values.group?.group?.selected_option?.value ?? 'none';
    const preview = `*Preview*: ${hosts.join(', ')}; group ${group}`;
    if (view.private_metadata !== preview) {
      await ack({ response_action: 'update', view: formatForm('Run a command', preview) });
      return;
    }
    await ack();
    await postRun(client, body.user.id, command);
  });
  bot.view('sure', async ({ ack }) => ack());
  bot.event('app_home_opened', async ({ event, client }) => {
    const { messages = [] } = await client.conversations.history({ channel: 'C0OPS0001', limit: 1 });
    const ts = messages[0]?.ts?.replace('.', '');
    const permalink =
      ts === undefined ? '' : `${new URL(client.slackApiUrl).origin}/archives/C0OPS0001/p${ts}`;
    await client.views.publish({
      user_id: event.user,
      view: {
        type: 'home',
        blocks: [
          { type: 'header', text: plain('Fleet') },
          {
            type: 'section',
            text: { type: 'mrkdwn', text: '*22 hosts* in 3 groups · 20 ok · 2 off' },
          },
          {
            type: 'actions',
            elements: [{ type: 'button', action_id: 'open', style: 'primary', text: plain('Run a command') }],
          },
          { type: 'divider' },
          { type: 'header', text: plain('My recent runs') },
          {
            type: 'section',
            text: {
              type: 'mrkdwn',
              text: `\`r-7k3f\` *df -h* on @web: ${permalink === '' ? 'gone' : `<${permalink}|thread>`}`,
            },
          },
          { type: 'context', elements: [{ type: 'mrkdwn', text: `For <@${event.user}>` }] },
        ],
      },
    });
  });
  bot.action('open', async ({ ack, body, client }) => {
    await ack();
    if (body.type !== 'block_actions') return;
    await client.views.open({
      trigger_id: body.trigger_id,
      view: formatForm('Run a command', 'Nothing yet.'),
    });
  });
  bot.action('host', async ({ ack, body, client, action }) => {
    await ack();
    if (body.type !== 'block_actions' || !('selected_option' in action)) return;
    const value = action.selected_option?.value ?? '';
    if (body.container.type === 'message')
      await client.chat.postEphemeral({
        channel: body.channel?.id ?? '',
        user: body.user.id,
        text: `You chose ${value}`,
      });
  });
  bot.command('/batch', async ({ ack, client, command }) => {
    await ack();
    await postRun(client, command.user_id, command.text);
  });
}

export async function postRun(client: WebClient, user: string, command: string): Promise<void> {
  await client.chat.postMessage({
    channel: 'C0OPS0001',
    text: `ran ${command}`,
    blocks: [
      {
        type: 'section',
        text: { type: 'mrkdwn', text: `<@${user}> ran \`${command}\`: *20 ok of 20*`, verbatim: true },
      },
      {
        type: 'actions',
        block_id: 'on-run',
        elements: [
          { type: 'button', action_id: 'retry', text: plain('Retry failed') },
          {
            type: 'external_select',
            action_id: 'host',
            min_query_length: 1,
            placeholder: plain('Show host…'),
          },
        ],
      },
    ],
  });
}
