import { randomBytes } from 'node:crypto';
import type { RespondArguments } from '@slack/bolt';
import { Refusal } from '../../errors.ts';
import type { Answer, Log } from '../../ports.ts';
import { formatDefect, formatRefusal } from '../../report/answers.ts';
import { type Message, plainVariant } from '../../report/message.ts';
import { classify } from '../outgoing/failure.ts';
import type { Workspace } from '../workspace.ts';

const RESPOND_MS = 10_000;

/** One request of a person: how to ack it, what to ask of the program, and where the answer goes. */
export interface Visit {
  readonly ack: () => Promise<void>;
  readonly ask: () => Promise<Answer | undefined>;
  /** By the response_url, which needs no membership. */
  readonly respond: ((message: RespondArguments) => Promise<unknown>) | undefined;
  readonly channelId: string;
  readonly userId: string;
}

/** Where every request goes through: acked first, asked then, answered always. The one error boundary. */
export class Reception {
  readonly #workspace: Workspace;
  readonly #log: Log;
  readonly #open = new Set<Promise<void>>();

  constructor(workspace: Workspace, log: Log) {
    this.#workspace = workspace;
    this.#log = log;
  }

  receive(visit: Visit): Promise<void> {
    const work = this.#receive(visit).finally(() => this.#open.delete(work));
    this.#open.add(work);
    return work;
  }

  /** Resolves when nobody is being served. */
  async idle(): Promise<void> {
    while (this.#open.size > 0) await Promise.all(this.#open);
  }

  async #receive(visit: Visit): Promise<void> {
    try {
      await visit.ack();
    } catch (error) {
      // Slack tells the person that it failed, and may bring it again; run now, it would run twice.
      this.#log.warn({ error: describe(error) }, 'a request could not be acked and was dropped');
      return;
    }
    const answer = await this.#ask(visit);
    if (answer !== undefined) await this.#answer(visit, this.#workspace.masked(answer));
  }

  async #ask(visit: Visit): Promise<Answer | undefined> {
    try {
      return await visit.ask();
    } catch (error) {
      if (error instanceof Refusal) return formatRefusal(error);
      const id = `d-${randomBytes(4).toString('hex')}`;
      this.#log.error({ id, err: error }, 'a request ended in a defect');
      return formatDefect(id);
    }
  }

  async #answer(visit: Visit, message: Message): Promise<void> {
    for (const form of [message, plainVariant(message)]) {
      if (visit.respond !== undefined && (await this.#respond(visit.respond, form))) return;
      const refused = await this.#postEphemeral(visit, form);
      if (refused !== 'content') return;
    }
  }

  async #respond(respond: NonNullable<Visit['respond']>, message: Message): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    // Bolt's respond() waits for ever.
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error('timeout')), RESPOND_MS);
    });
    try {
      await Promise.race([
        respond({
          response_type: 'ephemeral',
          // For a button this would take the root message away.
          replace_original: false,
          text: message.text,
          ...(message.blocks.length === 0 ? {} : { blocks: [...message.blocks] }),
          unfurl_links: false,
          unfurl_media: false,
          parse: 'none',
        }),
        late,
      ]);
      return true;
    } catch (error) {
      this.#log.warn({ error: describe(error) }, 'an answer by response_url was not taken');
      return false;
    } finally {
      clearTimeout(timer);
    }
  }

  async #postEphemeral({ channelId, userId }: Visit, message: Message): Promise<string | undefined> {
    try {
      await this.#workspace.answers.chat.postEphemeral({
        channel: channelId,
        user: userId,
        text: message.text,
        ...(message.blocks.length === 0 ? {} : { blocks: [...message.blocks] }),
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

/** What kind of thing went wrong, without addresses: a response_url is a right to whoever reads it. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  return 'statusCode' in error ? `${error.name} ${String(error.statusCode)}` : error.name;
}
