import { randomBytes } from 'node:crypto';
import type { RespondArguments, ViewResponseAction } from '@slack/bolt';
import { Refusal } from '../../errors.ts';
import type { Log } from '../../ports.ts';
import { formatDefect, formatNotice, formatRefusal } from '../../report/answers.ts';
import { type Message, plain, plainVariant } from '../../report/message.ts';
import { formatWindow } from '../../report/views/form.ts';
import type { Answer, Modal } from '../../report/views/view.ts';
import type { FormVerdict } from '../../requests/calls.ts';
import { within } from '../../time/within.ts';
import { contentOf } from '../outgoing/delivery.ts';
import { classify } from '../outgoing/failure.ts';
import type { FailureKind } from '../outgoing/slack-errors.ts';
import type { Workspace } from '../workspace.ts';
import { type Delivery, Lateness } from './lateness.ts';

const RESPOND_MS = 10_000;
/** An answer as bare text is not cut where the one in blocks was not: Slack takes 40,000 characters in a new message. */
const MAX_PLAIN_CHARS = 38_000;
const REFUSED_FORM = 'Slack refuses the form of an answer';

/** One request of a person: how to ack it, what to ask of the program, and where the answer goes. */
export interface Visit {
  readonly ack: () => Promise<void>;
  readonly ask: () => Promise<Answer | undefined>;
  /** By the response_url, which needs no membership. */
  readonly respond: ((message: RespondArguments) => Promise<unknown>) | undefined;
  /** The words they typed, which the answer to them may have in it as they are; empty where they only clicked. */
  readonly typed: string;
  /** A right to open one window, for 3 s. */
  readonly triggerId: string | undefined;
  /** Empty where there is none: then the answer is a window. */
  readonly channelId: string;
  /** Of what was clicked, where that is in a thread: the answer goes there too. */
  readonly threadTs?: string | undefined;
  readonly userId: string;
}

/** A form that was sent: Slack takes the verdict in the ack only, and waits 3 s for it. */
export interface FormVisit {
  readonly ack: (response?: ViewResponseAction) => Promise<void>;
  readonly judge: () => Promise<FormVerdict>;
  /** As with `Visit`. */
  readonly typed: string;
  readonly userId: string;
}

/** Where every request goes through: acked first, asked then, answered always. The one error boundary. */
export class Reception {
  readonly #workspace: Workspace;
  readonly #log: Log;
  readonly #open = new Set<Promise<void>>();
  readonly #lateness = new Lateness();

  constructor(workspace: Workspace, log: Log) {
    this.#workspace = workspace;
    this.#log = log;
  }

  /** Asked as soon as it is here. */
  isLate(delivery: Delivery): boolean {
    return this.#lateness.isLate(delivery);
  }

  receive(visit: Visit): Promise<void> {
    return this.serve(() => this.#receive(visit));
  }

  receiveForm(visit: FormVisit): Promise<void> {
    return this.serve(() => this.#receiveForm(visit));
  }

  /** Something that is waited for at the end. */
  serve(task: () => Promise<void>): Promise<void> {
    const work = task().finally(() => this.#open.delete(work));
    this.#open.add(work);
    return work;
  }

  /** Resolves when nobody is being served. */
  async idle(): Promise<void> {
    while (this.#open.size > 0) await Promise.all(this.#open);
  }

  async #receive(visit: Visit): Promise<void> {
    if (!(await this.#ack(() => visit.ack()))) return;
    const answer = await this.#ask(visit.ask);
    if (answer !== undefined) await this.#tell(visit, answer);
  }

  async #receiveForm({ ack, judge, userId, typed }: FormVisit): Promise<void> {
    const verdict = await this.#judge(judge);
    const isAcked = await this.#ack(() => {
      switch (verdict.kind) {
        case 'faults':
          return ack({ response_action: 'errors', errors: this.#maskFaults(verdict.faults, typed) });
        case 'shown':
          return ack({
            response_action: 'update',
            view: mutable(this.#workspace.masked(verdict.view, typed)),
          });
        default:
          return ack();
      }
    });
    if (!isAcked || verdict.kind !== 'accepted') return;
    const answer = await this.#ask(verdict.begin);
    if (answer === undefined) return;
    const { channelId } = verdict;
    await this.#tell({ respond: undefined, triggerId: undefined, channelId, userId, typed }, answer);
  }

  #maskFaults(faults: Readonly<Record<string, string>>, typed: string): Record<string, string> {
    return Object.fromEntries(
      Object.entries(faults).map(([field, text]) => [field, this.#workspace.masked(plain(text), typed).text]),
    );
  }

  /** What has no field to stand below is a window of its own. */
  async #judge(judge: () => Promise<FormVerdict>): Promise<FormVerdict> {
    let verdict: FormVerdict | undefined;
    const answer = await this.#ask(async () => {
      verdict = await judge();
      return undefined;
    });
    if (verdict !== undefined) return verdict;
    const message = answer ?? formatNotice('Nothing was run.');
    return { kind: 'shown', view: 'type' in message ? message : formatWindow(message) };
  }

  async #ack(ack: () => Promise<void>): Promise<boolean> {
    try {
      await ack();
      return true;
    } catch (error) {
      // Slack tells the person that it failed, and may bring it again; run now, it would run twice.
      this.#log.warn({ error: describe(error) }, 'a request could not be acked and was dropped');
      return false;
    }
  }

  async #ask(ask: () => Promise<Answer | undefined>): Promise<Answer | undefined> {
    try {
      return await ask();
    } catch (error) {
      if (error instanceof Refusal) return formatRefusal(error);
      const id = `d-${randomBytes(4).toString('hex')}`;
      this.#log.error({ id, err: error }, 'a request ended in a defect');
      return formatDefect(id);
    }
  }

  async #tell(visit: Omit<Visit, 'ack' | 'ask'>, answer: Answer): Promise<void> {
    if ('type' in answer) {
      if (await this.#openWindow(visit, answer)) return;
      const late = formatNotice(
        'The form could not be opened. Try it again, or type the whole command: /batch help shows how.',
      );
      await this.#answer(visit, this.#workspace.masked(late));
      return;
    }
    const hasPlace = visit.respond !== undefined || visit.channelId !== '';
    if (!hasPlace && (await this.#openWindow(visit, formatWindow(answer)))) return;
    await this.#answer(visit, this.#workspace.masked(answer, answer.typed ?? visit.typed));
  }

  async #openWindow({ triggerId, typed }: Pick<Visit, 'triggerId' | 'typed'>, view: Modal): Promise<boolean> {
    if (triggerId === undefined) return false;
    try {
      await this.#workspace.windows.views.open({
        trigger_id: triggerId,
        view: mutable(this.#workspace.masked(view, typed)),
      });
      return true;
    } catch (error) {
      this.#log.warn({ error: classify(error).code }, 'a window could not be opened');
      return false;
    }
  }

  /** By the response_url, else where it was asked, else to the person: whatever one way fails for, another is left. */
  async #answer(visit: Omit<Visit, 'ack' | 'ask'>, message: Message): Promise<void> {
    const forms = [message, plainVariant(message, MAX_PLAIN_CHARS)];
    for (const form of forms) {
      if (visit.respond !== undefined && (await this.#respond(visit.respond, visit, form))) return;
      const refused = visit.channelId === '' ? 'place' : await this.#postEphemeral(visit, form);
      if (refused === undefined) return;
      if (refused !== 'content') break;
      this.#log.error({}, REFUSED_FORM);
    }
    for (const form of forms) {
      if ((await this.#postDirectly(visit.userId, form)) !== 'content') return;
      this.#log.error({}, REFUSED_FORM);
    }
  }

  async #postDirectly(userId: string, message: Message): Promise<FailureKind | undefined> {
    try {
      await this.#workspace.paces.waitForPlace(userId);
      await this.#workspace.answers.chat.postMessage({
        channel: userId,
        ...contentOf(message),
        unfurl_links: false,
        unfurl_media: false,
        parse: 'none',
      });
      return undefined;
    } catch (error) {
      const { kind, code } = classify(error);
      this.#log.warn({ error: code }, 'an answer could not be given to the person either');
      return kind;
    }
  }

  async #respond(
    respond: NonNullable<Visit['respond']>,
    { threadTs }: Pick<Visit, 'threadTs'>,
    message: Message,
  ): Promise<boolean> {
    try {
      const responding = respond({
        response_type: 'ephemeral',
        // For a button this would take the root message away.
        replace_original: false,
        ...contentOf(message),
        ...(threadTs === undefined ? {} : { thread_ts: threadTs }),
        unfurl_links: false,
        unfurl_media: false,
        parse: 'none',
      });
      // Bolt's respond() waits for ever.
      const late = () => {
        throw new Error('timeout');
      };
      await within(responding, { ms: RESPOND_MS, late });
      return true;
    } catch (error) {
      this.#log.warn({ error: describe(error) }, 'an answer by response_url was not taken');
      return false;
    }
  }

  async #postEphemeral(
    { channelId, userId, threadTs }: Pick<Visit, 'channelId' | 'userId' | 'threadTs'>,
    message: Message,
  ): Promise<FailureKind | undefined> {
    try {
      await this.#workspace.answers.chat.postEphemeral({
        channel: channelId,
        user: userId,
        ...contentOf(message),
        ...(threadTs === undefined ? {} : { thread_ts: threadTs }),
        parse: 'none',
        link_names: false,
      });
      return undefined;
    } catch (error) {
      const { kind, code } = classify(error);
      this.#log.warn({ error: code, channel: channelId }, 'an answer could not be given');
      return kind;
    }
  }
}

function mutable(view: Modal) {
  return { ...view, blocks: [...view.blocks] };
}

/** What kind of thing went wrong, without addresses: a response_url is a right to whoever reads it. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  return 'statusCode' in error ? `${error.name} ${String(error.statusCode)}` : error.name;
}
