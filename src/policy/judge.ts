import type { Subject } from '../errors.ts';
import type { Action, PingWork, Requester, RunWork } from '../run/plan.ts';
import type { Allowlist, Rule, RuleAction } from './allowlist.ts';
import { explainCommand, formatPatterns } from './command-pattern.ts';
import { explainPath, explainPaths } from './path-pattern.ts';

/** What is asked of every host alike: who, where from, and what. */
export interface Question {
  readonly requester: Requester;
  readonly channelId: string;
  readonly work: JudgedWork;
}

/** The part of a plan's work that rules speak of. */
export type JudgedWork =
  | RunWork
  | PingWork
  | { readonly action: 'put' | 'get'; readonly local: string; readonly remote: string };

export type Verdict =
  | { readonly host: string; readonly isAllowed: true; readonly rule: string }
  | {
      readonly host: string;
      readonly isAllowed: false;
      /** The rule of this person that covers most of it; undefined where none names this person. */
      readonly nearest: string | undefined;
      /** The part of that rule which does not cover it, as the end of a sentence. */
      readonly why: string;
      /** What of the request that part is about. */
      readonly about: Subject;
    };

/** A part of a rule that does not cover what is asked. */
interface Lack {
  readonly about: Subject;
  readonly why: string;
}

type Nearest = Pick<Extract<Verdict, { readonly isAllowed: false }>, 'nearest' | 'why' | 'about'>;

/** One verdict for each host, by its own tuple; the first rule that covers all of it is named. */
export function judgeHosts(
  allowlist: Allowlist,
  question: Question,
  hosts: readonly string[],
): readonly Verdict[] {
  const { requester, channelId, work } = question;
  // All but the host is the same for every host: each rule is asked once.
  const answers = rulesOf(allowlist, requester).map((rule) => ({
    rule,
    lacks: explainLacks(rule, channelId, work),
  }));
  return hosts.map((host): Verdict => {
    const key = host.toLowerCase();
    const granting = answers.find(({ rule, lacks }) => lacks.length === 0 && rule.hosts.has(key));
    if (granting !== undefined) return { host, isAllowed: true, rule: granting.rule.name };
    return { host, isAllowed: false, ...findNearest(answers, key) };
  });
}

/**
 * Whether one of this person's rules reaches a file of this host by its true name, which only the host could
 * tell: the tuple once more, with the path that is going to be touched.
 */
export function coversPath(allowlist: Allowlist, question: Question, host: string, path: string): boolean {
  const { requester, channelId, work } = question;
  return rulesOf(allowlist, requester).some(
    (rule) =>
      isInChannel(rule, channelId) &&
      rule.actions.has(actionOf(work)) &&
      rule.hosts.has(host.toLowerCase()) &&
      explainPath(rule.paths, path) === undefined,
  );
}

/** Only a person's own rules: what others may is nobody else's business. */
export function rulesOf(allowlist: Allowlist, requester: Requester): readonly Rule[] {
  return allowlist.rules.filter((rule) => rule.users.has(requester.userId));
}

export function isInChannel(rule: Rule, channelId: string): boolean {
  return rule.channels === '*' || rule.channels.has(channelId);
}

/** What keeps a rule that names this person from covering it, but for the host; nothing where it does. */
function explainLacks(rule: Rule, channelId: string, work: JudgedWork): readonly Lack[] {
  const lacks: readonly Lack[] = isInChannel(rule, channelId)
    ? []
    : [{ about: 'channel', why: 'it is for other channels' }];
  const action = actionOf(work);
  if (!rule.actions.has(action)) {
    return [...lacks, { about: 'action', why: `it does not have the action ${action}` }];
  }
  // What is asked of the host is ours, so no pattern of commands is for it.
  if (work.action === 'ping') return lacks;
  if (work.action !== 'run') {
    const why = explainPaths(rule.paths, work);
    return why === undefined ? lacks : [...lacks, { about: 'remote', why }];
  }
  const why = explainFreeText(rule, work) ?? explainCommand(rule.commands, work.command);
  const mayNotSudo = work.sudo !== undefined && !rule.actions.has('sudo');
  return [
    ...lacks,
    ...(mayNotSudo ? [{ about: 'sudo' as const, why: 'it does not have the right sudo' }] : []),
    ...(why === undefined ? [] : [{ about: 'command' as const, why }]),
  ];
}

/** Who may run something on a host may log in there to look at it. */
function actionOf({ action }: JudgedWork): Action {
  return action === 'ping' ? 'run' : action;
}

/** A script is free text, and so is what a command reads or finds in its environment: patterns over it do not hold. */
function explainFreeText({ commands }: Rule, { script, stdin, env }: RunWork): string | undefined {
  if (commands === '*') return undefined;
  const option = script ? '-script' : stdin ? '-stdin' : env ? '-env' : undefined;
  return option && `its commands are ${formatPatterns(commands)}, and ${option} takes commands = *`;
}

/** The rule that lacks least; among equals one that is for this host. */
function findNearest(
  answers: readonly { readonly rule: Rule; readonly lacks: readonly Lack[] }[],
  host: string,
): Nearest {
  let least = Number.POSITIVE_INFINITY;
  let found: Nearest = { nearest: undefined, why: 'no rule names you', about: 'hosts' };
  for (const { rule, lacks } of answers) {
    const isHere = rule.hosts.has(host);
    const all: readonly Lack[] = isHere
      ? lacks
      : [{ about: 'hosts', why: 'it is for other hosts' }, ...lacks];
    const score = all.length + (isHere ? 0 : 0.5);
    if (score >= least) continue;
    least = score;
    const why = all.map((lack) => lack.why).join(' and ');
    found = { nearest: rule.name, why, about: all[0]?.about ?? 'hosts' };
  }
  return found;
}

/** Whether the actions that are about runs, not hosts, are this person's here, on all of these hosts. */
export function coversHosts(
  rules: readonly Rule[],
  action: RuleAction,
  channelId: string,
  hosts: readonly string[],
): boolean {
  const granting = rules.filter((rule) => rule.actions.has(action) && isInChannel(rule, channelId));
  if (granting.length === 0) return false;
  return hosts.every((host) =>
    granting.some((rule) => rule.isForAllHosts || rule.hosts.has(host.toLowerCase())),
  );
}
