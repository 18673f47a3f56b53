import type { App, GlobalShortcut, MessageShortcut, SlackShortcut } from '@slack/bolt';
import type { Requests, ShortcutCall } from '../../requests/calls.ts';
import type { SharedFile } from '../../run/shared-file.ts';
import type { Workspace } from '../workspace.ts';
import { requireOwnTeam } from './command.ts';
import type { Reception } from './reception.ts';
import { formatRequestKey } from './request-key.ts';

/** Global shortcuts and those on messages. */
export function register(app: App, desk: Requests, workspace: Workspace, reception: Reception): void {
  app.shortcut<SlackShortcut>(/^batchops_/, ({ ack, body }) => {
    if (body.type !== 'shortcut' && body.type !== 'message_action') return ack();
    return reception.receive({
      ack,
      ask: () => desk.shortcut(parseShortcut(body, workspace)),
      // A message's response_url would answer in the channel; the window is nearer.
      respond: undefined,
      typed: '',
      triggerId: body.trigger_id,
      channelId: '',
      userId: body.user.id,
    });
  });
}

export function parseShortcut(body: GlobalShortcut | MessageShortcut, workspace: Workspace): ShortcutCall {
  const teamId = body.user.team_id ?? body.team?.id ?? '';
  return {
    callbackId: body.callback_id,
    requester: requireOwnTeam({ teamId, userId: body.user.id }, workspace),
    channelId: body.type === 'message_action' ? body.channel.id : '',
    requestKey: formatRequestKey(teamId, body.trigger_id, body),
    files: body.type === 'message_action' ? readFiles(body.message.files) : [],
  };
}

function readFiles(files: unknown): readonly SharedFile[] {
  if (!Array.isArray(files)) return [];
  return files.flatMap((file: unknown): SharedFile[] => {
    if (typeof file !== 'object' || file === null || !('id' in file) || typeof file.id !== 'string')
      return [];
    const name = 'name' in file && typeof file.name === 'string' ? file.name : file.id;
    const bytes = 'size' in file && typeof file.size === 'number' ? file.size : 0;
    const uploader = 'user' in file && typeof file.user === 'string' ? file.user : '';
    return [{ id: file.id, name, bytes, uploader }];
  });
}
