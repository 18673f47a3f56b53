import type { Call, World } from '../app.ts';
import { beginRun } from '../app.ts';
import { parseCommand } from '../command/parse-command.ts';
import type { Request } from '../command/request.ts';
import { HELP } from '../command/usage.ts';
import { Refusal } from '../errors.ts';
import { admit } from '../policy/authorize.ts';
import type { Answer, ButtonClick, Desk, SlashCall } from '../ports.ts';
import { formatHelp, formatRefusal } from '../report/answers.ts';
import { CANCEL_ACTION } from '../report/buttons.ts';
import { cancelRun } from './cancel.ts';
import { answerQuestion } from './questions.ts';
import { repeatRun } from './repeat.ts';

/** Where people's requests arrive: each is judged, answered, and every no is written down. */
export function createDesk(world: World): Desk {
  return {
    command: (slash: SlashCall) => {
      const call = describeCall(slash, `${slash.command} ${slash.text}`.trim());
      return answerOrRefuse(world, call, () => attend(world, call, parseCommand(slash.command, slash.text)));
    },
    press: (click: ButtonClick) => {
      const call = describeCall(click, `button ${click.actionId} ${click.value}`);
      return answerOrRefuse(world, call, async () => {
        if (click.actionId === CANCEL_ACTION) return await cancelRun(world, call, click.value);
        throw new Refusal('usage', 'This button is from another version of Batchops.', {
          remedy: 'Type the command: /batch help lists them.',
        });
      });
    },
  };
}

function describeCall(from: SlashCall | ButtonClick, typed: string): Call {
  const { requester, channelId, requestKey } = from;
  return { requester, channelId, requestKey, typed };
}

/** Every no is written down before it is said. A no that cannot be written down is still a no. */
async function answerOrRefuse(
  world: World,
  call: Call,
  attempt: () => Promise<Answer | undefined>,
): Promise<Answer | undefined> {
  try {
    if (!world.isOpen()) {
      throw new Refusal('not-now', 'Batchops is restarting; nothing was run.', {
        remedy: 'Send it again in a moment.',
      });
    }
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
