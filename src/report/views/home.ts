import type { Refusal } from '../../errors.ts';
import { type Run, settledInOrder } from '../../run/run.ts';
import { isHeld } from '../buttons.ts';
import { type Block, type Button, context, plain, section } from '../message.ts';
import { channelLink, escapeMrkdwn, escapeShort, formatMoment, inlineCode, mention } from '../text/escape.ts';
import { formatHostNames } from '../text/host-names.ts';
import { cleanOutput } from '../text/plain.ts';
import { isPaused } from '../text/rollout.ts';
import {
  describeWork,
  formatCount,
  formatDuration,
  formatProgress,
  formatSummary,
  plural,
} from '../text/wording.ts';
import type { HomeTab } from './view.ts';

export const HOME_RUN_ACTION = 'batchops_home_run';
export const HOME_COPY_ACTION = 'batchops_home_copy';
export const HOME_REFRESH_ACTION = 'batchops_home_refresh';

export interface HomeFacts {
  /** Those that this person may use. */
  readonly fleet: {
    readonly hosts: number;
    readonly disabled: readonly string[];
    readonly groups: readonly GroupFacts[];
  };
  readonly rights: readonly RuleFacts[];
  /** What has not ended, theirs or the team's, newest first; and of how many these are the first. */
  readonly open: readonly ListedRun[];
  readonly openCount: number;
  readonly mine: readonly ListedRun[];
  readonly others: readonly ListedRun[];
  /** Another process that writes with the bot's token. */
  readonly otherBot: OtherBotFacts | undefined;
  readonly now: number;
}

export interface OtherBotFacts {
  /** When it last wrote, epoch ms. */
  readonly wroteAt: number;
  readonly channelId: string;
}

export interface GroupFacts {
  readonly name: string;
  readonly hosts: number;
}

/** One rule that names this person. */
export interface RuleFacts {
  readonly rule: string;
  readonly actions: readonly string[];
  readonly hosts: readonly string[];
  readonly channels: '*' | readonly string[];
  /** What narrows it: `commands df **, uptime`. */
  readonly limits: string;
}

export interface ListedRun {
  readonly run: Run;
  /** Of its thread; undefined where there is none. */
  readonly link: string | undefined;
}

const MAX_GROUPS = 20;
const MAX_DISABLED = 20;
const MAX_RULES = 12;
const LATELY_MS = 3_600_000;
const MAX_FAILED = 5;

/** The Home tab: what goes on, the fleet at a glance, what was run, and what may be. */
export function formatHome(facts: HomeFacts): HomeTab {
  return {
    type: 'home',
    blocks: [
      { type: 'header', text: plain('Batchops') },
      ...(facts.otherBot === undefined ? [] : [section(formatOtherBot(facts.otherBot))]),
      {
        type: 'actions',
        elements: [
          { ...button(HOME_RUN_ACTION, 'Run a command…'), style: 'primary' },
          button(HOME_COPY_ACTION, 'Copy a file…'),
          button(HOME_REFRESH_ACTION, 'Refresh'),
        ],
      },
      { type: 'header', text: plain('Now') },
      ...formatNow(facts),
      { type: 'divider' },
      section(formatFleet(facts.fleet)),
      { type: 'header', text: plain('My recent runs') },
      ...formatList(facts.mine, facts.now, 'You have run nothing lately: `/batch runs` looks further back.'),
      { type: 'header', text: plain("The team's recent runs") },
      ...formatList(facts.others, facts.now, 'None that you may see.'),
      { type: 'divider' },
      { type: 'header', text: plain('What I may do') },
      ...formatRules(facts.rights),
      context(`As of ${formatMoment(facts.now, '{time_secs}')} · \`/batch help\` lists the commands`),
    ],
  };
}

/** The Home tab of who is not admitted. */
export function formatClosedHome({ message, remedy = '' }: Refusal): HomeTab {
  return {
    type: 'home',
    blocks: [
      { type: 'header', text: plain('Batchops') },
      section(escapeShort(remedy === '' ? message : `${message} ${remedy}`, 2_900)),
    ],
  };
}

function button(action_id: string, text: string): Button {
  return { type: 'button', action_id, text: plain(text) };
}

function formatOtherBot({ wroteAt, channelId }: OtherBotFacts): string {
  return (
    `*⚠\ufe0e Another process writes with this bot's token*, last in ${channelLink(channelId)} at ${formatMoment(wroteAt, '{date_short_pretty}, {time}')}. ` +
    'As long as it runs, Slack deals commands and clicks out between the two, and neither knows the runs of the other. ' +
    'An administrator has to stop one of them, or give it an app of its own.'
  );
}

function formatFleet({ hosts, disabled, groups }: HomeFacts['fleet']): string {
  const named = groups
    .slice(0, MAX_GROUPS)
    .map(({ name, hosts: count }) => `${inlineCode(`@${cleanOutput(name)}`, 60)} ${formatCount(count)}`);
  const moreGroups = groups.length - named.length;
  const off = disabled.slice(0, MAX_DISABLED).map((name) => escapeShort(cleanOutput(name), 60));
  const moreOff = disabled.length - off.length;
  return [
    `*The fleet*, as far as it is yours: ${plural(hosts, 'host')}, ${plural(groups.length, 'group')}`,
    ...(named.length === 0
      ? []
      : [`${named.join(' · ')}${moreGroups > 0 ? ` and ${formatCount(moreGroups)} more` : ''}`]),
    ...(off.length === 0
      ? ['None is disabled.']
      : [`Disabled: ${off.join(', ')}${moreOff > 0 ? ` and ${formatCount(moreOff)} more` : ''}`]),
  ].join('\n');
}

function formatRules(rules: readonly RuleFacts[]): readonly Block[] {
  const shown = rules.slice(0, MAX_RULES).map(({ rule, actions, hosts, channels, limits }) => {
    const names = formatHostNames(
      hosts.map((host) => cleanOutput(host)),
      400,
    );
    const where =
      channels === '*'
        ? 'in every channel'
        : `in ${channels.slice(0, 10).map(channelLink).join(', ')}${channels.length > 10 ? ' …' : ''}`;
    const narrowed = limits === '' ? '' : ` — ${inlineCode(cleanOutput(limits), 300)}`;
    return section(
      `*${escapeShort(actions.join(', '), 100)}* on ${escapeShort(names, 800)} ${where}${narrowed} (rule ${inlineCode(cleanOutput(rule), 80)})`,
    );
  });
  const more = rules.length - shown.length;
  return more > 0 ? [...shown, context(`… and ${plural(more, 'more rule')}: \`/batch can\``)] : shown;
}

/** What somebody looks for who is called at night: what runs, what waits for a person, what went wrong lately. */
function formatNow({ open, openCount, mine, others, now }: HomeFacts): readonly Block[] {
  const more = openCount - open.length;
  const failed = [...mine, ...others].filter(({ run }) => hasFailed(run, now - LATELY_MS));
  const shown = failed.slice(0, MAX_FAILED).map(({ run, link }) => linked(formatSummary(run, now), link));
  const rest = failed.length - shown.length;
  return [
    ...formatList(open, now, 'Nothing runs or waits, as far as you may see.'),
    ...(more > 0 ? [context(`… and ${formatCount(more)} more that have not ended`)] : []),
    ...(shown.length === 0
      ? []
      : [
          section(
            ['*Not all ok within the last hour*', ...shown, ...(rest > 0 ? [`… and ${rest} more`] : [])].join(
              '\n',
            ),
          ),
        ]),
  ];
}

function hasFailed({ state, finishedAt = 0, progress }: Run, since: number): boolean {
  if (state !== 'finished' || finishedAt < since) return false;
  return settledInOrder(progress).some(
    ([kind]) => kind !== 'ok' && kind !== 'skipped' && kind !== 'cancelled',
  );
}

/** A run that waits for a person says for what. */
function waitsFor(run: Run): string {
  if (isPaused(run)) return ' · waits for Continue';
  return isHeld(run) ? ' · held: waits for Run the rest' : '';
}

function linked(text: string, link: string | undefined): string {
  const thread = link !== undefined && /^https?:\/\/[^\s<>|]+$/.test(link) ? ` · <${link}|thread>` : '';
  return `*${escapeMrkdwn(text)}*${thread}`;
}

function formatList(runs: readonly ListedRun[], now: number, none: string): readonly Block[] {
  return runs.length === 0 ? [context(none)] : runs.map((listed) => section(formatListed(listed, now)));
}

function formatListed({ run, link }: ListedRun, now: number): string {
  const { plan } = run;
  const state =
    run.state === 'finished'
      ? formatSummary(run, now)
      : `${run.id}: ${formatProgress(run.progress)}${waitsFor(run)}`;
  return [
    linked(state, link),
    `${mention(plan.requester.userId)} ${inlineCode(cleanOutput(describeWork(plan.work)), 200)} · ` +
      `${formatDuration(now - run.createdAt)} ago`,
  ].join('\n');
}
