import { parseCommand } from './command/parse-command.ts';
import type { Request } from './command/request.ts';
import { HELP } from './command/usage.ts';
import { Refusal } from './errors.ts';
import { beginRun, type Call, repeatRun, type World } from './launch.ts';
import { admit, hasRight } from './policy/authorize.ts';
import type { Answer, ButtonClick, Desk, SlashCall } from './ports.ts';
import { answerQuestion } from './questions.ts';
import { formatHelp, formatNotice, formatRefusal } from './report/answers.ts';
import { CANCEL_ACTION } from './report/root.ts';
import type { Run } from './run/run.ts';

/**
 * The story of one command: parse → known caller? → resolve → plan → authorize each host → store and audit in
 * one transaction → root message → release. What follows (queue, SSH, outcome, thread, summary, audit) the
 * release sets off; nobody waits for it here.
 */
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

async function cancelRun(world: World, call: Call, runId: string): Promise<Answer> {
  const run = await world.store.findRun(runId);
  const isOwn = run?.plan.requester.userId === call.requester.userId;
  if (run === undefined || !(isOwn || mayCancel(world, call, run))) {
    admit(world.allowlist, call.requester);
    if (run === undefined) {
      throw new Refusal('unknown-name', `There is no run ${runId}.`, { remedy: '/batch runs lists them.' });
    }
    throw new Refusal('not-allowed', `${run.id} is not yours to cancel.`, {
      remedy: 'Its requester can, and whoever has the action "cancel" on its hosts in the allowlist.',
    });
  }
  if (run.state === 'finished') {
    throw new Refusal('not-now', `${run.id} has already finished.`, { remedy: `See /batch show ${run.id}` });
  }
  const { skipped, running } = await world.store.cancelRun(run.id, call.requester);
  world.abort(running);
  return formatNotice(
    `Cancelling ${run.id}: ${skipped} not started any more, ${running.length} being stopped. The thread tells how each ended.`,
  );
}

function mayCancel(world: World, call: Call, run: Run): boolean {
  const hosts = run.plan.targets.map((target) => target.host);
  return hasRight(world.allowlist, call, 'cancel', hosts);
}
