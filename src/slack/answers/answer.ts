import type { RespondArguments } from '@slack/bolt';
import type { Log } from '../../ports/log.ts';
import { type Message, plainVariant } from '../../report/message.ts';
import { within } from '../../time/within.ts';
import { contentOf } from '../outgoing/delivery.ts';
import { classify, type Failure } from '../outgoing/failure.ts';
import type { Workspace } from '../workspace.ts';

const RESPOND_MS = 10_000;
/** An answer as bare text is not cut where the one in blocks was not: Slack takes 40,000 characters in a new message. */
const MAX_PLAIN_CHARS = 38_000;
const REFUSED_FORM = 'Slack refuses the form of an answer';

/** Where one person is, and what leads to them. */
export interface Asker {
  /** By the response_url, which needs no membership. */
  readonly respond: ((message: RespondArguments) => Promise<unknown>) | undefined;
  /** Empty where there is none. */
  readonly channelId: string;
  /** Of what was clicked, where that is in a thread: the answer goes there too. */
  readonly threadTs?: string | undefined;
  readonly userId: string;
}

/** An answer for the eyes of the one who asked. */
export class Answers {
  readonly #workspace: Workspace;
  readonly #log: Log;

  constructor(workspace: Workspace, log: Log) {
    this.#workspace = workspace;
    this.#log = log;
  }

  /**
   * By the response_url, else where it was asked, else to the person: whatever one way fails for, another is left.
   * The message is masked already. Why nobody could be told, where it is so; never rejects.
   */
  async give(asker: Asker, message: Message): Promise<Failure | undefined> {
    const forms = [message, plainVariant(message, MAX_PLAIN_CHARS)];
    for (const form of forms) {
      if (asker.respond !== undefined && (await this.#respond(asker.respond, asker, form))) return undefined;
      const failure = asker.channelId === '' ? NO_CHANNEL : await this.#postEphemeral(asker, form);
      if (failure === undefined) return undefined;
      if (failure.kind !== 'content') break;
      this.#log.error({}, REFUSED_FORM);
    }
    let failure: Failure | undefined;
    for (const form of forms) {
      failure = await this.#postDirectly(asker.userId, form);
      if (failure?.kind !== 'content') break;
      this.#log.error({}, REFUSED_FORM);
    }
    return failure;
  }

  async #postDirectly(userId: string, message: Message): Promise<Failure | undefined> {
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
      const failure = classify(error);
      this.#log.warn({ error: failure.code }, 'an answer could not be given to the person either');
      return failure;
    }
  }

  async #respond(
    respond: NonNullable<Asker['respond']>,
    { threadTs }: Asker,
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
      this.#log.warn({ error: nameOf(error) }, 'an answer by response_url was not taken');
      return false;
    }
  }

  async #postEphemeral(
    { channelId, userId, threadTs }: Asker,
    message: Message,
  ): Promise<Failure | undefined> {
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
      const failure = classify(error);
      this.#log.warn({ error: failure.code, channel: channelId }, 'an answer could not be given');
      return failure;
    }
  }
}

const NO_CHANNEL: Failure = { kind: 'place', code: 'no_channel' };

/** What kind of thing went wrong, without addresses: a response_url is a right to whoever reads it. */
export function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  return 'statusCode' in error ? `${error.name} ${String(error.statusCode)}` : error.name;
}
