import type { Unanswered } from '../run/received.ts';
import { type Message, section } from './message.ts';
import { channelLink, formatMoment } from './text/escape.ts';
import { plural } from './text/wording.ts';

const MAX_LINES = 10;

/** To one person: what they asked for and the last process was stopped over. Their words were not kept. */
export function formatUnanswered(left: readonly Unanswered[]): Message {
  const title = 'Batchops was stopped before it had done with what you asked for.';
  const shown = left.slice(0, MAX_LINES).map((one) => `• ${nameOf(one)}: ${becameOf(one)}`);
  const more = left.length - shown.length;
  const lines = [...shown, ...(more === 0 ? [] : [`• and ${plural(more, 'other request')} after these`])];
  const remedy =
    'Nothing of this is begun now. If you had no answer and still want it, ask again; ' +
    '`/batch runs` shows whether Slack has brought it here once more meanwhile.';
  return { text: title, blocks: [section(`${title}\n${lines.join('\n')}\n${remedy}`)] };
}

function nameOf({ what, receivedAt }: Unanswered): string {
  return `${NAMES[what]} at ${formatMoment(receivedAt, '{date_short_pretty} {time_secs}')}`;
}

const NAMES: Readonly<Record<Unanswered['what'], string>> = {
  '/batch_run': '`/batch_run`',
  '/batch_scp': '`/batch_scp`',
  '/batch': '`/batch`',
  command: 'a command that this bot does not know',
  button: 'a click on a button or a select',
  shortcut: 'a shortcut',
  form: 'a form',
};

/** What is on record, and no more. */
function becameOf({ what, runId, channelId }: Unanswered): string {
  if (runId !== undefined) {
    const where = channelId === '' ? '' : ` in ${channelLink(channelId)}`;
    return `${runId} was put down for it and has no thread${where}; nothing of it ran`;
  }
  switch (what) {
    case '/batch_run':
    case '/batch_scp':
    case 'form':
    case 'shortcut':
    case 'command':
      return 'no run was made of it';
    case '/batch':
    case 'button':
      return 'no run was made of it; what else it may have done, such as a cancel, is not known';
    default:
      return what satisfies never;
  }
}
