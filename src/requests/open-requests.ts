import { parseCommand } from '../command/parse-command.ts';
import type { Request } from '../command/request.ts';
import { HELP } from '../command/usage.ts';
import { Refusal } from '../errors.ts';
import { beginRun, type Call, type RequestContext } from '../lifecycle/begin-run.ts';
import { recordRefusal } from '../lifecycle/refusals.ts';
import { rulesFor } from '../lifecycle/standing.ts';
import { formatHelp, formatRefusal } from '../report/answers.ts';
import { RUN_SHORTCUT, SEND_SHORTCUT } from '../report/views/form.ts';
import { formatClosedHome } from '../report/views/home.ts';
import type { Answer } from '../report/views/view.ts';
import type { ButtonClick, Requests, ShortcutCall, SlashCall, SubmittedForm } from './calls.ts';
import { cancelRun } from './cancel.ts';
import { answerClick, stoppedBy } from './clicks.ts';
import { describeForm, isKnownForm, judgeForm, openForm, placeRefusal } from './form.ts';
import { showHome } from './home.ts';
import { answerQuestion } from './questions.ts';
import { repeatRun } from './repeat.ts';
import { suggestOptions } from './suggest.ts';

/** Where people's requests arrive: each is judged, answered, and every no is written down. */
export function openRequests(context: RequestContext): Requests {
  return {
    command: (slash: SlashCall) => {
      const call = callOf(slash, `${slash.command} ${slash.text}`.trim());
      const asked = understand(slash);
      if ('kind' in asked && asked.kind === 'help')
        return Promise.resolve(formatHelp(`${HELP}\n\nBatchops ${context.version}`));
      const stops = 'run' in asked && asked.kind === 'cancel' ? asked.run : undefined;
      return answerOrRefuse(context, call, stops, async (own) => {
        const form = formOf(slash);
        if (form !== undefined) return openForm(call, form);
        if (asked instanceof Refusal) throw asked;
        return await attend(own, call, asked);
      });
    },
    press: (click: ButtonClick) => {
      const call = callOf(click, `button ${click.actionId} ${click.value}`);
      return answerOrRefuse(context, call, stoppedBy(click), (own) => answerClick(own, call, click));
    },
    shortcut: (chosen: ShortcutCall) => {
      const call = callOf(chosen, `shortcut ${chosen.callbackId}`);
      return answerOrRefuse(context, call, undefined, async () => answerShortcut(call, chosen));
    },
    async suggest(query) {
      try {
        return await suggestOptions(await standIn(context, query), query);
      } catch (error) {
        if (error instanceof Refusal) return [];
        throw error;
      }
    },
    async submit(form: SubmittedForm) {
      const channelId = form.fields.channel?.[0] ?? '';
      const { requester, requestKey } = form;
      const call: Call = { requester, requestKey, channelId, typed: describeForm(form) };
      try {
        checkOpen(context);
        if (channelId === '') {
          throw new Refusal('usage', 'Choose a channel for the results.', { about: 'channel' });
        }
        const own = await standIn(context, call);
        const verdict = await judgeForm(own, call, form);
        if (verdict.kind !== 'accepted') return verdict;
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
  if (run?.plan.requester.userId !== call.requester.userId) return await standIn(context, call);
  return { ...context, allowlist: { rules: [], warnings: [] } };
}

function callOf(from: SlashCall | ButtonClick | ShortcutCall, typed: string): Call {
  const { requester, channelId, requestKey } = from;
  return { requester, channelId, requestKey, typed };
}

/** A no to the words is said only to who is admitted: what strangers type is not looked into. */
function understand({ command, text }: SlashCall): Request | Refusal {
  try {
    return parseCommand(command, text);
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}

/** A command without a word is asked for its words. */
function formOf({ command, text }: SlashCall): 'run' | 'copy' | undefined {
  if (text.trim() !== '') return undefined;
  if (command === '/batch_run') return 'run';
  return command === '/batch_scp' ? 'copy' : undefined;
}

function answerShortcut(call: Call, { callbackId, files }: ShortcutCall): Answer {
  if (callbackId === RUN_SHORTCUT) return openForm(call, 'run');
  if (callbackId !== SEND_SHORTCUT) {
    throw new Refusal('usage', 'This shortcut is from another version of Batchops.');
  }
  const [file] = files;
  if (file !== undefined) return openForm(call, 'copy', file);
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
    return formatRefusal(error, isAdmitted ? call.typed : undefined);
  }
}

async function attend(
  context: RequestContext,
  call: Call,
  request: Exclude<Request, { kind: 'help' }>,
): Promise<Answer | undefined> {
  switch (request.kind) {
    case 'fleet':
      return await beginRun(context, call, request);
    case 'retry':
      return await repeatRun(context, call, request.run, request.which);
    case 'cancel':
      return await cancelRun(context, call, request.run);
    default:
      return await answerQuestion(context, call, request);
  }
}
