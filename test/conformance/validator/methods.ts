import { id } from './elements.ts';
import { content, fitsBlocks, messageText, newContent, newText, ts } from './messages.ts';
import {
  anything,
  fault,
  flag,
  list,
  matching,
  object,
  type Rule,
  structure,
  text,
  unique,
  whole,
} from './rules.ts';
import { homeView, modalView } from './views.ts';

/** Each method's arguments, as `https://docs.slack.dev/reference/methods/METHOD` has them. */

/** Where a message goes: a conversation, or a person for their direct messages. */
const place = matching(/^[CDGUW][A-Z0-9]{2,}$/);
const person = matching(/^[UW][A-Z0-9]{2,}$/);
const file = matching(/^F[A-Z0-9]{2,}$/);
/** Bolt sends these along with everything. */
const along: Readonly<Record<string, Rule>> = { token: anything, team_id: matching(/^[TE][A-Z0-9]+$/) };

function takes(
  required: Readonly<Record<string, Rule>>,
  optional: Readonly<Record<string, Rule>> = {},
  together: Parameters<typeof object>[2] = () => [],
): Rule {
  return object(required, { ...along, ...optional }, together);
}

/** "limit: … an integer with a max value of 999" (conversations.history), cursors as they came. */
const paged = {
  cursor: text({ max: 1_000, min: 0 }),
  limit: whole({ min: 1, max: 999 }),
  oldest: matching(/^\d+(\.\d+)?$/),
  latest: matching(/^\d+(\.\d+)?$/),
  inclusive: flag,
  include_all_metadata: flag,
};

const files: Rule = (value, at) => [
  ...list(object({ id: file }, { title: text({ max: 255 }) }), { max: 100 })(value, at),
  ...unique(Array.isArray(value) ? value.map((each) => each?.id) : [], at, 'file'),
];

export const METHODS: Readonly<Record<string, Rule>> = {
  'apps.connections.open': takes({}),
  'auth.test': takes({}),
  'chat.delete': takes({ channel: place, ts }),
  'chat.postEphemeral': takes({ channel: place, user: person, text: newText }, newContent, fitsBlocks),
  'chat.postMessage': takes({ channel: place, text: newText }, newContent, fitsBlocks),
  'chat.update': takes({ channel: place, ts, text: messageText }, content),
  'conversations.history': takes({ channel: place }, paged),
  'conversations.info': takes({ channel: place }, { include_locale: flag, include_num_members: flag }),
  'conversations.open': takes({ users: text({ max: 200 }) }, { return_im: flag }),
  'conversations.replies': takes({ channel: place, ts }, paged),
  /** "channel_id must match ^[CGDZ][A-Z0-9]{8,}$" (bolt-js#2115); "thread_ts … also provide channel_id" */
  'files.completeUploadExternal': takes(
    { files: structure(files) },
    { channel_id: matching(/^[CGDZ][A-Z0-9]{8,}$/), thread_ts: ts, initial_comment: messageText },
    (value, at) =>
      value.thread_ts !== undefined && value.channel_id === undefined
        ? fault(`${at}channel_id`, 'is missing beside thread_ts')
        : [],
  ),
  /** "length: size in bytes": 0 is `missing_argument`, above 1 GB nothing is taken. */
  'files.getUploadURLExternal': takes(
    { filename: text({ max: 255 }), length: whole({ min: 1, max: 1_000_000_000 }) },
    { alt_txt: text({ max: 1_000 }), snippet_type: id },
  ),
  'files.info': takes({ file }),
  'files.list': takes({}, { channel: place, count: whole({ min: 1, max: 1_000 }), page: whole({ min: 1 }) }),
  'usergroups.users.list': takes({ usergroup: matching(/^S[A-Z0-9]+$/) }, { include_disabled: flag }),
  'users.info': takes({ user: person }, { include_locale: flag }),
  'views.open': takes({ trigger_id: text({ max: 255 }), view: structure(modalView) }),
  'views.update': takes(
    { view_id: matching(/^V[A-Z0-9]+$/), view: structure(modalView) },
    { hash: text({ max: 255 }) },
  ),
  'views.publish': takes({ user_id: person, view: structure(homeView) }, { hash: text({ max: 255 }) }),
};
