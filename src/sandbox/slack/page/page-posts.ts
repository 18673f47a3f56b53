import type { Outcome } from '../delivery/outcome.ts';
import type { People } from '../delivery/people.ts';
import type { FormValue } from '../interactivity/form.ts';
import type { Forms } from '../interactivity/forms.ts';
import type { Openings } from '../interactivity/openings.ts';
import type { FormValues } from '../interactivity/submission.ts';
import type { Suggested, Suggesting } from '../interactivity/suggesting.ts';
import { isRecord, type Json, textOf } from '../json.ts';
import type { PageError, PageSent, PageSubmitted, PageSuggested } from '../page-api.ts';
import type { Channel, Workspace } from '../workspace/workspace.ts';
import { describeFailure } from './page-view.ts';

/** What the page does: the POSTs of `page-api.ts`. Who asks was judged before. */

export interface PageAnswer {
  readonly status: number;
  readonly body: Json | PageSent | PageSubmitted | PageSuggested;
}

/** Those who do what the page asks for. */
export interface Doers {
  readonly people: People;
  readonly openings: Openings;
  readonly forms: Forms;
  suggest(asking: Suggesting): Promise<Suggested>;
}

export class PagePosts {
  readonly #workspace: Workspace;
  readonly #doers: Doers;

  constructor(workspace: Workspace, doers: Doers) {
    this.#workspace = workspace;
    this.#doers = doers;
  }

  async handle(path: string, user: string, fields: Json): Promise<PageAnswer> {
    const viewId = textOf(fields, 'view_id') ?? '';
    const callbackId = textOf(fields, 'callback_id') ?? '';
    switch (path) {
      case '/page/home':
        return answerOutcome(await this.#doers.openings.openHome({ user }));
      case '/page/shortcut':
        return answerOutcome(await this.#doers.openings.shortcut({ user, callbackId }));
      case '/page/close': {
        const fault = this.#doers.forms.closeView({ user, viewId });
        return fault === null ? { status: 200, body: { ok: true, ackMs: 0 } } : refuse(400, fault);
      }
      case '/page/act':
        return answerOutcome(await this.#doers.forms.act(readAct(user, viewId, fields)));
      case '/page/submit': {
        const submitted = await this.#doers.forms.submit({
          user,
          viewId,
          values: readValues(fields.values),
        });
        if (submitted.error === null) return answerOutcome(submitted);
        const { errors } = submitted;
        // What is wrong with a form is an answer, no failure of the request.
        return { status: 200, body: { ...describe(submitted.error), errors } };
      }
      case '/page/suggest':
        return this.#suggest(user, fields);
      default:
        return this.#handleInChannel(path, user, fields);
    }
  }

  async #handleInChannel(path: string, user: string, fields: Json): Promise<PageAnswer> {
    const channel = this.#workspace.findChannel(textOf(fields, 'channel') ?? '');
    if (channel === undefined || !this.#workspace.canSee(user, channel))
      return refuse(404, 'channel_not_found');
    switch (path) {
      case '/page/send':
        return this.#send(user, channel, fields);
      case '/page/click':
        return this.#click(user, channel, fields);
      case '/page/upload':
        return this.#upload(user, channel, fields);
      case '/page/message-shortcut': {
        const ts = textOf(fields, 'ts') ?? '';
        const callbackId = textOf(fields, 'callback_id') ?? '';
        const chosen = { user, channel: channel.id, ts, callbackId };
        return answerOutcome(await this.#doers.openings.messageShortcut(chosen));
      }
      default:
        return refuse(404, 'not_found');
    }
  }

  async #send(user: string, channel: Channel, fields: Json): Promise<PageAnswer> {
    const text = textOf(fields, 'text') ?? '';
    const threadTs = textOf(fields, 'thread_ts');
    const said = { user, channel: channel.id, text, ...(threadTs === undefined ? {} : { threadTs }) };
    if (text.trim() === '') return refuse(400, 'no_text');
    if (!this.#isThread(channel, threadTs)) return refuse(404, 'thread_not_found');
    if (text.startsWith('/')) {
      const [, command = '', rest = ''] = /^(\/\S*)\s?(.*)$/s.exec(text) ?? [];
      const outcome = await this.#doers.people.command({ ...said, command, text: rest });
      if (outcome.error !== null) return refuse(400, outcome.error, describeFailure(command, outcome.error));
      return { status: 200, body: { ok: true, kind: 'command', ackMs: outcome.ackMs } };
    }
    if (channel.isArchived) return refuse(400, 'is_archived');
    return { status: 200, body: { ok: true, kind: 'message', ts: this.#doers.people.say(said).ts } };
  }

  async #click(user: string, channel: Channel, fields: Json): Promise<PageAnswer> {
    const blockId = textOf(fields, 'block_id');
    const values = Array.isArray(fields.values) ? fields.values.map(String) : undefined;
    const outcome = await this.#doers.people.click({
      user,
      channel: channel.id,
      ts: textOf(fields, 'ts') ?? '',
      actionId: textOf(fields, 'action_id') ?? '',
      ...(blockId === undefined ? {} : { blockId }),
      ...(values === undefined ? {} : { values }),
    });
    return answerOutcome(outcome);
  }

  #upload(user: string, channel: Channel, fields: Json): PageAnswer {
    const name = readName(fields);
    const threadTs = textOf(fields, 'thread_ts');
    const text = textOf(fields, 'text');
    if (name === '') return refuse(400, 'invalid_arguments');
    if (channel.isArchived) return refuse(400, 'is_archived');
    if (!this.#isThread(channel, threadTs)) return refuse(404, 'thread_not_found');
    const { ts } = this.#doers.people.upload({
      user,
      channel: channel.id,
      name,
      content: readBytes(fields),
      ...(text === undefined ? {} : { text }),
      ...(threadTs === undefined ? {} : { threadTs }),
    });
    return { status: 200, body: { ok: true, kind: 'message', ts } };
  }

  /** True too where no thread is meant. */
  #isThread(channel: Channel, threadTs: string | undefined): boolean {
    return threadTs === undefined || this.#workspace.findMessage(channel.id, threadTs)?.threadTs === null;
  }

  async #suggest(user: string, fields: Json): Promise<PageAnswer> {
    const optional = (name: string, field: string) => {
      const value = textOf(fields, field);
      return value === undefined ? {} : { [name]: value };
    };
    const suggested = await this.#doers.suggest({
      user,
      actionId: textOf(fields, 'action_id') ?? '',
      query: textOf(fields, 'query') ?? '',
      ...optional('blockId', 'block_id'),
      ...optional('viewId', 'view_id'),
      ...optional('channel', 'channel'),
      ...optional('ts', 'ts'),
    });
    if (suggested.error !== null) return refuse(400, suggested.error);
    return { status: 200, body: { ok: true, groups: suggested.groups } };
  }
}

/** As browsers on Windows do, some send the whole path. */
function readName(fields: Json): string {
  return (textOf(fields, 'name') ?? '').replace(/^.*[\\/]/s, '');
}

function readBytes(fields: Json): Uint8Array {
  return Buffer.from(textOf(fields, 'base64') ?? '', 'base64');
}

function readAct(user: string, viewId: string, fields: Json) {
  const blockId = textOf(fields, 'block_id');
  const actionId = textOf(fields, 'action_id') ?? '';
  return { user, viewId, actionId, ...(blockId === undefined ? {} : { blockId }) };
}

function readValues(value: unknown): FormValues {
  const read: Record<string, FormValue> = {};
  for (const [name, each] of Object.entries(isRecord(value) ? value : {})) {
    const known = readValue(each);
    if (known !== undefined) read[name] = known;
  }
  return read;
}

function readValue(value: unknown): FormValue | undefined {
  if (value === null || typeof value === 'string') return value;
  return Array.isArray(value) ? value.map(String) : undefined;
}

function answerOutcome(outcome: Outcome): PageAnswer {
  if (outcome.error !== null) return { status: 400, body: describe(outcome.error) };
  return { status: 200, body: { ok: true, ackMs: outcome.ackMs } };
}

function refuse(status: number, error: string, message?: string): PageAnswer {
  return { status, body: describe(error, message) };
}

const WORDS: Readonly<Record<string, string>> = {
  operation_timeout: 'We had some trouble connecting. Try again?',
  dispatch_failed: 'We had some trouble connecting. Try again?',
  invalid_input: 'Something in this form needs another look.',
  view_not_found: 'This is closed already.',
  not_subscribed: 'This app has not asked to be told when its Home tab is opened.',
};

function describe(error: string, message = WORDS[error]): PageError {
  return { ok: false, error, message: message ?? `This did not work: ${error}` };
}
