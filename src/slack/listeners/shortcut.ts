import type { App, GlobalShortcut, MessageShortcut, SlackShortcut } from '@slack/bolt';
import type { Requests, ShortcutCall } from '../../requests/calls.ts';
import type { Requester } from '../../run/plan.ts';
import type { MentionedFile } from '../../run/shared-file.ts';
import { type Admission, senderOf } from './admission.ts';
import { isDirectMessage } from './direct-message.ts';
import type { Reception } from './reception.ts';
import { formatRequestKey } from './request-key.ts';

/** Global shortcuts and those on messages. */
export function register(app: App, desk: Requests, admission: Admission, reception: Reception): void {
  app.shortcut<SlackShortcut>(/^batchops_/, ({ ack, body }) => {
    if (body.type !== 'shortcut' && body.type !== 'message_action') return ack();
    return reception.receive({
      ack,
      ask: async () => desk.shortcut(parseShortcut(body, await admission.admit(senderOf(body)))),
      // A message's response_url would answer in the channel; the window is nearer.
      respond: undefined,
      typed: '',
      triggerId: body.trigger_id,
      channelId: '',
      userId: body.user.id,
      received: {
        requester: admission.wouldBe(body.user.id),
        channelId: '',
        what: 'shortcut',
        requestKey: formatRequestKey(admission.home, body.trigger_id, body),
      },
    });
  });
}

function parseShortcut(body: GlobalShortcut | MessageShortcut, requester: Requester): ShortcutCall {
  return {
    callbackId: body.callback_id,
    requester,
    channelId: body.type === 'message_action' ? body.channel.id : '',
    isDirect: body.type === 'message_action' && isDirectMessage(body.channel.id, body.channel.name),
    requestKey: formatRequestKey(requester.teamId, body.trigger_id, body),
    files: body.type === 'message_action' ? readFiles(body.message.files) : [],
  };
}

/** In channels shared with others a file may be its id and `file_access: check_file_info`, and no more. */
function readFiles(files: unknown): readonly MentionedFile[] {
  if (!Array.isArray(files)) return [];
  return files.flatMap((file: unknown): MentionedFile[] => {
    if (typeof file !== 'object' || file === null || !('id' in file) || typeof file.id !== 'string')
      return [];
    const { id } = file;
    if (!('name' in file && typeof file.name === 'string')) return [{ id }];
    if (!('size' in file && typeof file.size === 'number')) return [{ id }];
    const uploader = 'user' in file && typeof file.user === 'string' ? file.user : '';
    return [{ id, name: file.name, bytes: file.size, uploader }];
  });
}
