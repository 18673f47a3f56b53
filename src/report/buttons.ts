import { mayHaveRun, OUTCOME_KINDS } from '../run/outcome.ts';
import { type Run, totalJobs } from '../run/run.ts';
import { type Block, type Button, type Confirm, plain, type SearchSelect } from './message.ts';
import { cleanOutput, shortLine } from './text/plain.ts';
import { isPaused } from './text/rollout.ts';
import { capitalize, formatCount, plural } from './text/wording.ts';

/**
 * The buttons below a root message. Each carries the run's id and nothing else: what it may do is judged on
 * the server by who clicked, and what it shows comes out of the store.
 */
export const CANCEL_ACTION = 'batchops_cancel';
export const CANCEL_HOST_ACTION = 'batchops_cancel_host';
export const ERRORS_ACTION = 'batchops_errors';
export const SHOW_HOST_ACTION = 'batchops_show_host';
export const LOG_ACTION = 'batchops_log';
export const RETRY_ACTION = 'batchops_retry';
export const AGAIN_ACTION = 'batchops_again';
export const RESUME_ACTION = 'batchops_resume';
export const CONTINUE_ACTION = 'batchops_continue';

/** A select has no value of its own: the block's id says which run it is about. */
const BLOCK_PREFIX = 'batchops_run:';

export function runButtons(run: Run): readonly Block[] {
  const elements = run.state === 'finished' ? finishedButtons(run) : openButtons(run);
  return elements.length === 0
    ? []
    : [{ type: 'actions', block_id: `${BLOCK_PREFIX}${run.id}:${run.state}`, elements }];
}

/** Below the message that says what came of the canary. */
export function canaryButtons(run: Run): readonly Block[] {
  const elements = [continueButton(run), stopButton(run)];
  return [{ type: 'actions', block_id: `${BLOCK_PREFIX}${run.id}:canary`, elements }];
}

/** The run that a block of `runButtons` is about; undefined for any other block. */
export function runOfBlock(blockId: string): string | undefined {
  return blockId.startsWith(BLOCK_PREFIX) ? blockId.slice(BLOCK_PREFIX.length).split(':')[0] : undefined;
}

/** On how many hosts Retry failed would run: all but those that are ok, may have run, or were disabled. */
export function countRetried(run: Run): number {
  const failed = OUTCOME_KINDS.filter((kind) => kind !== 'ok' && !mayHaveRun(kind)).reduce(
    (sum, kind) => sum + (run.progress.settled[kind] ?? 0),
    0,
  );
  return Math.max(0, failed - countDisabled(run));
}

/** They were reported as skipped; would be again, as far as is known here. */
function countDisabled({ plan }: Run): number {
  return plan.targets.filter(({ skip }) => skip !== undefined).length;
}

function openButtons(run: Run): readonly (Button | SearchSelect)[] {
  if (run.cancelledBy !== undefined) return [];
  const all = isPaused(run) ? stopButton(run) : cancelButton(run);
  const rest = isPaused(run) ? [continueButton(run)] : isHeld(run) ? [resumeButton(run)] : [];
  // A ping has nothing to show before it is over.
  const looks = run.plan.work.action === 'ping' ? [] : [SHOW_HOST];
  if (run.plan.targets.length === 1) return [...rest, all, ...looks];
  const one: SearchSelect = {
    type: 'external_select',
    action_id: CANCEL_HOST_ACTION,
    placeholder: plain('Cancel one host…'),
    min_query_length: 0,
    confirm: ask(
      'Cancel this host?',
      `Its command is stopped, or never started. The other hosts go on${
        run.plan.rollout?.maxFail === undefined
          ? '.'
          : '; but one that is stopped counts as failed (-maxfail).'
      }`,
      'Cancel the host',
      'Let it go on',
      'danger',
    ),
  };
  return [...rest, all, one, ...looks];
}

/** Its result, or as long as it runs what it says. */
const SHOW_HOST: SearchSelect = {
  type: 'external_select',
  action_id: SHOW_HOST_ACTION,
  placeholder: plain('Show host…'),
  min_query_length: 0,
};

function cancelButton(run: Run): Button {
  return {
    type: 'button',
    action_id: CANCEL_ACTION,
    text: plain('Cancel'),
    value: run.id,
    style: 'danger',
    confirm: ask(
      `Cancel ${run.id}?`,
      'What runs is stopped on its host; what waits is never started.',
      'Cancel the run',
      'Let it go on',
      'danger',
    ),
  };
}

/** Nothing of it runs: the same as a cancel, said as the other answer to what the canary asks. */
function stopButton(run: Run): Button {
  const hosts = plural(run.progress.queued, 'host');
  return {
    type: 'button',
    action_id: CANCEL_ACTION,
    text: plain('Stop here'),
    value: run.id,
    style: 'danger',
    confirm: ask(
      `Stop ${run.id} behind its canary?`,
      `The other ${hosts} are never started in this run.`,
      'Stop here',
      'Leave it waiting',
      'danger',
    ),
  };
}

/** What came of the canary is asked about where the answer is given. */
function continueButton(run: Run): Button {
  const hosts = plural(run.progress.queued, 'host');
  return {
    type: 'button',
    action_id: CONTINUE_ACTION,
    text: plain(`Continue (${formatCount(run.progress.queued)})`),
    value: run.id,
    style: 'primary',
    confirm: ask(
      `Continue on ${hosts}?`,
      `${shortLine(cleanOutput(capitalize(run.held ?? '')), 280)}.`,
      'Continue',
      'Not yet',
    ),
  };
}

/** What waits does not start by itself. */
export function isHeld({ state, held, cancelledBy, progress }: Run): boolean {
  return state === 'open' && held !== undefined && cancelledBy === undefined && progress.queued > 0;
}

function resumeButton(run: Run): Button {
  const hosts = plural(run.progress.queued, 'host');
  return {
    type: 'button',
    action_id: RESUME_ACTION,
    text: plain(`Run the rest (${formatCount(run.progress.queued)})`),
    value: run.id,
    style: 'primary',
    confirm: ask(
      `Run the rest on ${hosts}?`,
      'It was asked for a while ago: look whether it is still wanted. It runs if you may do that today.',
      'Run the rest',
      'Leave it',
    ),
  };
}

const NOUNS = { run: 'command', put: 'copy', get: 'copy', ping: 'ping' } as const;

function finishedButtons(run: Run): readonly (Button | SearchSelect)[] {
  const total = totalJobs(run.progress);
  const notOk = total - (run.progress.settled.ok ?? 0);
  const retried = countRetried(run);
  const button = (action_id: string, text: string): Button => ({
    type: 'button',
    action_id,
    text: plain(text),
    value: run.id,
  });
  const again = (count: number) =>
    `The same ${NOUNS[run.plan.work.action]} on ${plural(count, 'host')} now, ` +
    `as a new run${run.plan.rollout === undefined ? '' : ', rolled out as this one was'}, if you may do that today. ` +
    'Disabled hosts are skipped.';
  return [
    ...(notOk > 0 ? [button(ERRORS_ACTION, 'Only errors')] : []),
    SHOW_HOST,
    button(LOG_ACTION, 'Full log'),
    ...(retried > 0
      ? [
          {
            ...button(RETRY_ACTION, `Retry failed (${formatCount(retried)})`),
            style: 'danger' as const,
            confirm: ask(
              `Retry on ${plural(retried, 'host')}?`,
              again(retried),
              'Retry',
              'Leave it',
              'danger',
            ),
          },
        ]
      : []),
    {
      ...button(AGAIN_ACTION, 'Run again'),
      confirm: ask(
        `Run again on ${plural(total - countDisabled(run), 'host')}?`,
        again(total - countDisabled(run)),
        'Run again',
        'Leave it',
      ),
    },
  ];
}

function ask(title: string, text: string, yes: string, no: string, style?: 'danger'): Confirm {
  return {
    title: plain(title),
    text: plain(text),
    confirm: plain(yes),
    deny: plain(no),
    ...(style === undefined ? {} : { style }),
  };
}
