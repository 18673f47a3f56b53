import { randomBytes } from 'node:crypto';
import type { ViewResponseAction } from '@slack/bolt';
import { Refusal } from '../../errors.ts';
import type { Log } from '../../ports/log.ts';
import { formatDefect, formatNotice, formatRefusal } from '../../report/answers.ts';
import { plain } from '../../report/message.ts';
import { formatWindow } from '../../report/views/form.ts';
import type { Answer, LiveWindow, Modal, PrivateMessage } from '../../report/views/view.ts';
import type { FormVerdict } from '../../requests/calls.ts';
import type { ReceivedRequest } from '../../run/received.ts';
import { type Answers, type Asker, nameOf } from '../answers/answer.ts';
import type { LiveWindows } from '../answers/live-windows.ts';
import type { Receipts } from '../answers/receipts.ts';
import { classify } from '../outgoing/failure.ts';
import type { Workspace } from '../workspace.ts';
import { type Delivery, Lateness } from './lateness.ts';

/** One request of a person: how to ack it, what to ask of the program, and where the answer goes. */
export interface Visit extends Destination {
  readonly ack: () => Promise<void>;
  readonly ask: () => Promise<Answer | undefined>;
  /** As it is put down before the ack. */
  readonly received: ReceivedRequest;
}

/** Without a channel the answer is a window. */
interface Destination extends Asker {
  /** The words they typed, which the answer to them may have in it as they are; empty where they only clicked. */
  readonly typed: string;
  /** A right to open one window, for 3 s. */
  readonly triggerId: string | undefined;
}

/** A form that was sent: Slack takes the verdict in the ack only, and waits 3 s for it. */
export interface FormVisit {
  readonly ack: (response?: ViewResponseAction) => Promise<void>;
  readonly judge: () => Promise<FormVerdict>;
  /** As with `Visit`. */
  readonly typed: string;
  readonly received: Omit<ReceivedRequest, 'channelId'>;
}

/** Slack waits 3 s, then tells the person that it failed: whoever sends it again must not have it run twice. */
const FORM_LIMIT_MS = 2_900;
const TOO_LATE = 'The form was answered too late for Slack, and nothing was run. Send it again.';

/** Where every request goes through: put down and acked first, asked then, answered always. The one error boundary. */
export class Reception {
  readonly #workspace: Workspace;
  readonly #answers: Answers;
  readonly #liveWindows: LiveWindows;
  readonly #receipts: Receipts;
  readonly #log: Log;
  readonly #describeTrouble: (error: unknown) => string | undefined;
  readonly #open = new Set<Promise<void>>();
  readonly #lateness = new Lateness();

  constructor(
    workspace: Workspace,
    more: {
      readonly answers: Answers;
      readonly liveWindows: LiveWindows;
      readonly receipts: Receipts;
      readonly log: Log;
      /** What in the world an error comes from, a clause; undefined where it is ours. */
      readonly describeTrouble?: (error: unknown) => string | undefined;
    },
  ) {
    this.#workspace = workspace;
    this.#answers = more.answers;
    this.#liveWindows = more.liveWindows;
    this.#receipts = more.receipts;
    this.#log = more.log;
    this.#describeTrouble = more.describeTrouble ?? (() => undefined);
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
    const answered = await this.#receipts.note(visit.received);
    if (await this.#ack(() => visit.ack())) {
      const answer = await this.#ask(visit.ask);
      if (answer !== undefined) await this.#tell(visit, answer);
    }
    await answered();
  }

  async #receiveForm({ ack, judge, received, typed }: FormVisit): Promise<void> {
    const cameAt = performance.now();
    const verdict = await this.#judge(judge);
    // Any other verdict is the whole answer, and goes with the ack.
    const answered =
      verdict.kind === 'accepted'
        ? await this.#receipts.note({ ...received, channelId: verdict.channelId })
        : undefined;
    const isInTime = performance.now() - cameAt < FORM_LIMIT_MS;
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
    if (isAcked && verdict.kind === 'accepted') {
      const answer = isInTime ? await this.#ask(verdict.begin) : formatNotice(TOO_LATE);
      const { channelId } = verdict;
      const { userId } = received.requester;
      if (answer !== undefined)
        await this.#tell({ respond: undefined, triggerId: undefined, channelId, userId, typed }, answer);
    }
    await answered?.();
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
    return { kind: 'shown', view: windowOf(answer ?? formatNotice('Nothing was run.')) };
  }

  async #ack(ack: () => Promise<void>): Promise<boolean> {
    try {
      await ack();
      return true;
    } catch (error) {
      // Slack tells the person that it failed, and may bring it again; run now, it would run twice.
      this.#log.warn({ error: nameOf(error) }, 'a request could not be acked and was dropped');
      return false;
    }
  }

  async #ask(ask: () => Promise<Answer | undefined>): Promise<Answer | undefined> {
    try {
      return await ask();
    } catch (error) {
      if (error instanceof Refusal) return formatRefusal(error);
      const id = `d-${randomBytes(4).toString('hex')}`;
      const trouble = this.#describeTrouble(error);
      if (trouble === undefined) this.#log.error({ id, err: error }, 'a request ended in a defect');
      else this.#log.warn({ id, err: error }, `a request could not be carried out: ${trouble}`);
      return formatDefect(id, trouble);
    }
  }

  async #tell(visit: Destination, answer: Answer): Promise<void> {
    if (isLive(answer)) {
      if (await this.#liveWindows.open(visit.triggerId, answer)) return;
      await this.#answers.give(visit, this.#workspace.masked(answer.instead, visit.typed));
      return;
    }
    if (isWindow(answer)) {
      if (await this.#openWindow(visit, answer)) return;
      const late = formatNotice(
        'The form could not be opened. Try it again, or type the whole command: /batch help shows how.',
      );
      await this.#answers.give(visit, this.#workspace.masked(late));
      return;
    }
    const hasPlace = visit.respond !== undefined || visit.channelId !== '';
    if (!hasPlace && (await this.#openWindow(visit, formatWindow(answer)))) return;
    await this.#answers.give(visit, this.#workspace.masked(answer, answer.typed ?? visit.typed));
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
}

function isLive(answer: Answer): answer is LiveWindow {
  return 'look' in answer;
}

function windowOf(answer: Answer): Modal {
  if (isLive(answer)) return answer.view;
  return isWindow(answer) ? answer : formatWindow(answer);
}

function isWindow(answer: PrivateMessage | Modal): answer is Modal {
  return 'type' in answer;
}

function mutable(view: Modal) {
  return { ...view, blocks: [...view.blocks] };
}
