import type { Request } from '../command/request.ts';
import { readText, type TextReading } from '../command/slash-text.ts';
import { HELP } from '../command/usage.ts';
import { Refusal } from '../errors.ts';
import { beginRun, type Call, type RequestContext } from '../lifecycle/begin-run.ts';
import { recordRefusal } from '../lifecycle/refusals.ts';
import { rulesFor } from '../lifecycle/standing.ts';
import { formatHelp, formatRefusal } from '../report/answers.ts';
import { RUN_SHORTCUT, SEND_SHORTCUT } from '../report/views/form.ts';
import { formatClosedHome } from '../report/views/home.ts';
import type { Answer } from '../report/views/view.ts';
import { isSamePerson } from '../run/plan.ts';
import type { ButtonClick, Requests, ShortcutCall, SlashCall, SubmittedForm } from './calls.ts';
import { cancelRun } from './cancel.ts';
import { answerClick, stoppedBy } from './clicks.ts';
import { askReading, askWhetherStill, beginsRun, understand } from './doubts/commands.ts';
import { askFormReading, readForm, runSettledForm, typedInto } from './doubts/forms.ts';
import { refuseLate, type Settled, settlesDoubt, takeDoubt } from './doubts/presses.ts';
import { findReading, listHabits, mayAskAgain, rememberReading } from './doubts/readings.ts';
import { Turns } from './doubts/turns.ts';
import { describeForm, findMentioned, isKnownForm, judgeForm, openForm, placeRefusal } from './form.ts';
import { showHome } from './home.ts';
import { KeyOffers } from './key-offers.ts';
import { answerQuestion } from './questions.ts';
import { RecentKeys } from './recent-keys.ts';
import { repeatRun } from './repeat.ts';
import { suggestOptions } from './suggest.ts';
import { lookAtKeys } from './trust.ts';

/** Where people's requests arrive: each is judged, answered, and every no is written down. */
export function openRequests(context: RequestContext): Requests {
  const seen = new RecentKeys();
  const offers = new KeyOffers(context.store.offers, context.now);
  const turns = new Turns();
  return {
    async command(sent: SlashCall) {
      const isAgain = seen.note(sent.requestKey);
      // Brought once more, while the first delivery is, or was, answered.
      if (isAgain && sent.isLate) return undefined;
      await learnSecretsIn(context, sent.text);
      const reading = await findReading(context, 'command', sent.requester, sent.text);
      if (reading !== undefined)
        return await obey(context, offers, { ...sent, text: readText(sent.text, reading) });
      const call = callOf(sent, `${sent.command} ${sent.text}`.trim());
      return await answerOrRefuse(context, call, undefined, (own) => askReading(own, call, sent));
    },
    async press(click: ButtonClick) {
      const isAgain = seen.note(click.requestKey);
      // As with commands: who was answered is not asked to press again.
      if (isAgain && click.isLate) return undefined;
      const call = callOf(click, `button ${click.actionId} ${click.value}`);
      if (!settlesDoubt(click)) {
        return await answerOrRefuse(context, call, stoppedBy(click), (own) =>
          answerClick(own, call, click, offers, () => standIn(context, call)),
        );
      }
      return await answerOrRefuse(context, call, undefined, (own) =>
        turns.take(click.value, async () => {
          const taken = await takeDoubt(own, click);
          if (!('kind' in taken)) return taken;
          const answer = await carryOut(context, offers, taken);
          return answer === undefined || !('blocks' in answer) || 'type' in answer
            ? answer
            : { ...answer, typed: taken.typed };
        }),
      );
    },
    shortcut: (chosen: ShortcutCall) => {
      const call = callOf(chosen, `shortcut ${chosen.callbackId}`);
      return answerOrRefuse(context, call, undefined, (own) => answerShortcut(own, chosen));
    },
    async suggest(query) {
      try {
        return await suggestOptions(await standIn(context, query), query);
      } catch (error) {
        if (error instanceof Refusal) return [];
        throw error;
      }
    },
    async submit(sent: SubmittedForm) {
      const { requester, requestKey } = sent;
      await learnSecretsIn(context, typedInto(sent));
      const reading = await findReading(context, 'form', requester, typedInto(sent));
      const form = reading === undefined ? sent : readForm(sent, reading);
      const channelId = form.fields.channel?.[0] ?? '';
      const call: Call = { requester, requestKey, channelId, typed: describeForm(form) };
      try {
        checkOpen(context);
        if (channelId === '') {
          throw new Refusal('usage', 'Choose a channel for the results.', { about: 'channel' });
        }
        const own = await standIn(context, call);
        const verdict = await (reading === undefined ? askFormReading : judgeForm)(own, call, form);
        if (verdict.kind !== 'accepted') return verdict;
        // Brought once more, to another process than the first delivery: that one is the run.
        const isBegun = form.isLate === true && (await context.store.runOfRequest(requestKey)) !== undefined;
        if (!isBegun) refuseLate(form);
        return { ...verdict, begin: () => answerOrRefuse(context, call, undefined, verdict.begin) };
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        await recordRefusal(context, call, error);
        // It has no fields that we know: the window tells by itself.
        if (!isKnownForm(form)) throw error;
        return { kind: 'faults', faults: placeRefusal(form, error) };
      }
    },
    async home(asker) {
      try {
        return await showHome(await standIn(context, { requester: asker, channelId: '' }), asker);
      } catch (error) {
        if (error instanceof Refusal) return formatClosedHome(error);
        throw error;
      }
    },
  };
}

/** The context as it is for who asks: with the rules that hold for them there, and no others. */
async function standIn(
  context: RequestContext,
  { requester, channelId }: Pick<Call, 'requester' | 'channelId'>,
): Promise<RequestContext> {
  return { ...context, allowlist: await rulesFor(context, requester, channelId) };
}

/** A person's own run can be stopped also by who is in no rule any more, and while Slack tells nothing. */
async function standToStop(context: RequestContext, call: Call, runId: string): Promise<RequestContext> {
  const run = await context.store.findRun(runId);
  const isOwn = run !== undefined && isSamePerson(run.plan.requester, call.requester);
  if (!isOwn) return await standIn(context, call);
  return { ...context, allowlist: { rules: [], warnings: [] } };
}

function callOf(from: SlashCall | ButtonClick | ShortcutCall, typed: string): Call {
  const { requester, channelId, requestKey } = from;
  const receivedAs = 'receivedAs' in from ? from.receivedAs : undefined;
  return {
    requester,
    channelId,
    requestKey,
    typed,
    ...(receivedAs !== undefined && { receivedAs }),
    ...('text' in from ? {} : { isClick: true }),
  };
}

/** What its person has said the missing word about. */
async function carryOut(
  context: RequestContext,
  offers: KeyOffers,
  settled: Settled,
): Promise<Answer | undefined> {
  if (settled.kind === 'command') return await obey(context, offers, settled.slash, settled.reading);
  const { form, reading, channelId, receivedAs } = settled;
  const { requester, requestKey } = form;
  const typed = describeForm(readForm(form, reading));
  const call: Call = { requester, requestKey, channelId, typed, receivedAs };
  return await answerOrRefuse(context, call, undefined, (own) => runSettledForm(own, call, settled));
}

/**
 * What was typed, as it is read. A no to the words is said only to who is admitted: what strangers type is not
 * looked into. `said`: which reading it is, by who typed it; remembered once the run has begun.
 */
async function obey(
  context: RequestContext,
  offers: KeyOffers,
  slash: SlashCall,
  said?: TextReading,
): Promise<Answer | undefined> {
  const call = callOf(slash, `${slash.command} ${slash.text}`.trim());
  const asked = understand(slash);
  if ('kind' in asked && asked.kind === 'help') return await answerHelp(context, call);
  const stops = 'run' in asked && asked.kind === 'cancel' ? asked.run : undefined;
  return await answerOrRefuse(context, call, stops, async (own) => {
    const form = formOf(slash);
    if (form !== undefined) return openForm(form, slash);
    if (asked instanceof Refusal) throw asked;
    const begins = beginsRun(asked);
    if (begins && slash.isLate) return await askWhetherStill(own, call, slash);
    const answer = await attend(own, call, asked, offers);
    if (begins && said !== undefined) await rememberReading(context, call.requester, 'command', said);
    return answer;
  });
}

/** For everybody; the buttons in it for who may press them. */
async function answerHelp(context: RequestContext, call: Call): Promise<Answer> {
  const habits = await listHabits(context, call.requester);
  const own = await standIn(context, call).catch((error: unknown) => {
    if (error instanceof Refusal) return undefined;
    throw error;
  });
  return formatHelp(
    `${HELP}\n\nBatchops ${context.version}`,
    habits,
    own !== undefined && mayAskAgain(own, call),
  );
}

/** A command without a word is asked for its words. */
function formOf({ command, text }: SlashCall): 'run' | 'copy' | undefined {
  if (text.trim() !== '') return undefined;
  if (command === '/batch_run') return 'run';
  return command === '/batch_scp' ? 'copy' : undefined;
}

async function answerShortcut(context: RequestContext, chosen: ShortcutCall): Promise<Answer> {
  const { callbackId, files } = chosen;
  if (callbackId === RUN_SHORTCUT) return openForm('run', chosen);
  if (callbackId !== SEND_SHORTCUT) {
    throw new Refusal('usage', 'This shortcut is from another version of Batchops.');
  }
  const [file] = files;
  if (file !== undefined) return openForm('copy', chosen, await findMentioned(context, file));
  throw new Refusal('usage', 'There is no file on this message.', {
    remedy: 'Choose the shortcut on a message that a file is attached to.',
  });
}

function checkOpen(context: RequestContext): void {
  if (context.isOpen()) return;
  throw new Refusal('not-now', 'Batchops is restarting; nothing was run.', {
    remedy: 'Send it again in a moment.',
  });
}

/** Every no is written down before it is said. A no that cannot be written down is still a no. */
async function answerOrRefuse(
  context: RequestContext,
  call: Call,
  stops: string | undefined,
  attempt: (own: RequestContext) => Promise<Answer | undefined>,
): Promise<Answer | undefined> {
  let isAdmitted = false;
  try {
    checkOpen(context);
    const own = await (stops === undefined ? standIn(context, call) : standToStop(context, call, stops));
    isAdmitted = true;
    return await attempt(own);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    await recordRefusal(context, call, error);
    return formatRefusal(error, isAdmitted && !call.isClick ? call.typed : undefined);
  }
}

async function attend(
  context: RequestContext,
  call: Call,
  request: Exclude<Request, { kind: 'help' }>,
  offers: KeyOffers,
): Promise<Answer | undefined> {
  switch (request.kind) {
    case 'fleet':
      return await beginRun(context, call, request);
    case 'retry':
      return await repeatRun(context, call, request.run, request.which);
    case 'cancel':
      return await cancelRun(context, call, request.run);
    case 'trust':
      return await lookAtKeys(context, call, request.terms, offers);
    default:
      return await answerQuestion(context, call, request);
  }
}

/** Before anything of it is shown or written down; however Slack wrote it. */
async function learnSecretsIn(context: RequestContext, text: string): Promise<void> {
  const decoded = readText(text, 'entities');
  await context.learnTyped?.(decoded === text ? text : `${text}\n${decoded}`);
}
