import { parseCommand } from '../command/parse-command.ts';
import type { Request } from '../command/request.ts';
import { HELP } from '../command/usage.ts';
import { Refusal } from '../errors.ts';
import { beginRun, type Call, type World } from '../lifecycle/begin-run.ts';
import { admit } from '../policy/authorize.ts';
import { formatHelp, formatRefusal } from '../report/answers.ts';
import { RUN_SHORTCUT, SEND_SHORTCUT } from '../report/views/form.ts';
import type { Answer } from '../report/views/view.ts';
import type { ButtonClick, Desk, ShortcutCall, SlashCall, SubmittedForm } from './calls.ts';
import { cancelRun } from './cancel.ts';
import { answerClick } from './clicks.ts';
import { describeForm, isKnownForm, judgeForm, openForm, placeRefusal } from './form.ts';
import { showHome } from './home.ts';
import { answerQuestion } from './questions.ts';
import { repeatRun } from './repeat.ts';
import { suggestOptions } from './suggest.ts';

/** Where people's requests arrive: each is judged, answered, and every no is written down. */
export function createDesk(world: World): Desk {
  return {
    command: (slash: SlashCall) => {
      const call = callOf(slash, `${slash.command} ${slash.text}`.trim());
      return answerOrRefuse(world, call, async () => {
        const form = formOf(slash);
        if (form !== undefined) return openForm(world, call, form);
        return await attend(world, call, parseCommand(slash.command, slash.text));
      });
    },
    press: (click: ButtonClick) => {
      const call = callOf(click, `button ${click.actionId} ${click.value}`);
      return answerOrRefuse(world, call, () => answerClick(world, call, click));
    },
    shortcut: (chosen: ShortcutCall) => {
      const call = callOf(chosen, `shortcut ${chosen.callbackId}`);
      return answerOrRefuse(world, call, async () => answerShortcut(world, call, chosen));
    },
    suggest: (query) => suggestOptions(world, query),
    async submit(form: SubmittedForm) {
      const channelId = form.fields.channel?.[0] ?? '';
      const { requester, requestKey } = form;
      const call: Call = { requester, requestKey, channelId, typed: describeForm(form) };
      try {
        checkOpen(world);
        if (channelId === '') {
          throw new Refusal('usage', 'Choose a channel for the results.', { about: 'channel' });
        }
        const verdict = await judgeForm(world, call, form);
        if (verdict.kind !== 'accepted') return verdict;
        return { ...verdict, begin: () => answerOrRefuse(world, call, verdict.begin) };
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        await recordRefusal(world, call, error);
        // It has no fields that we know: the window tells by itself.
        if (!isKnownForm(form)) throw error;
        return { kind: 'faults', faults: placeRefusal(form, error) };
      }
    },
    home: (asker) => showHome(world, asker),
  };
}

function callOf(from: SlashCall | ButtonClick | ShortcutCall, typed: string): Call {
  const { requester, channelId, requestKey } = from;
  return { requester, channelId, requestKey, typed };
}

/** A command without a word is asked for its words. */
function formOf({ command, text }: SlashCall): 'run' | 'copy' | undefined {
  if (text.trim() !== '') return undefined;
  if (command === '/batch_run') return 'run';
  return command === '/batch_scp' ? 'copy' : undefined;
}

function answerShortcut(world: World, call: Call, { callbackId, files }: ShortcutCall): Answer {
  if (callbackId === RUN_SHORTCUT) return openForm(world, call, 'run');
  if (callbackId !== SEND_SHORTCUT) {
    throw new Refusal('usage', 'This shortcut is from another version of Batchops.');
  }
  const [file] = files;
  if (file !== undefined) return openForm(world, call, 'copy', file);
  admit(world.allowlist, call.requester);
  throw new Refusal('usage', 'There is no file on this message.', {
    remedy: 'Choose the shortcut on a message that a file is attached to.',
  });
}

function checkOpen(world: World): void {
  if (world.isOpen()) return;
  throw new Refusal('not-now', 'Batchops is restarting; nothing was run.', {
    remedy: 'Send it again in a moment.',
  });
}

/** Every no is written down before it is said. A no that cannot be written down is still a no. */
async function answerOrRefuse(
  world: World,
  call: Call,
  attempt: () => Promise<Answer | undefined>,
): Promise<Answer | undefined> {
  try {
    checkOpen(world);
    return await attempt();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    await recordRefusal(world, call, error);
    return formatRefusal(error, call.typed);
  }
}

async function recordRefusal(world: World, call: Call, refusal: Refusal): Promise<void> {
  // The run that could not be posted was given up, and that is in the audit already.
  if (refusal.code === 'cannot-post') return;
  const { requester, channelId, typed } = call;
  try {
    await world.store.recordRefusal({
      requester,
      channelId,
      typed,
      code: refusal.code,
      reason: refusal.message,
    });
  } catch (error) {
    world.log.error({ err: error }, 'a refusal could not be written to the audit');
  }
}

async function attend(world: World, call: Call, request: Request): Promise<Answer | undefined> {
  if (request.kind === 'help') return formatHelp(HELP);
  admit(world.allowlist, call.requester);
  switch (request.kind) {
    case 'fleet':
      return await beginRun(world, call, request);
    case 'retry':
      return await repeatRun(world, call, request.run, request.which);
    case 'cancel':
      return await cancelRun(world, call, request.run);
    default:
      return await answerQuestion(world, call, request);
  }
}
