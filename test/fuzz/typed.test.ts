import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseCommand } from '../../src/command/parse-command.ts';
import type { RequestedWork } from '../../src/command/request.ts';
import { Refusal } from '../../src/errors.ts';
import { resolveTerms } from '../../src/inventory/expression.ts';
import { draftWork } from '../../src/lifecycle/bring-files.ts';
import { authorize } from '../../src/policy/authorize.ts';
import { explainRights, knownTo, resolveKnown } from '../../src/policy/rights.ts';
import { holdingRules } from '../../src/policy/standing.ts';
import {
  formatHelp,
  formatHosts,
  formatPreview,
  formatRefusal,
  formatRights,
} from '../../src/report/answers.ts';
import type { Message } from '../../src/report/message.ts';
import type { Plan, Work } from '../../src/run/plan.ts';
import { planRun } from '../../src/run/planning.ts';
import { expectNothingAlive, expectWithinLimits } from '../report/limits.ts';
import { anyCommand, anyPath, anyTyped } from './anything-typed.ts';
import { cases, FUZZ_MS, soon } from './cases.ts';
import { anyRule, FLEET, HOSTS, SECRET, writeRules } from './fleet.ts';
import { isGranted, type Question } from './second-reading.ts';

const anyAsker = fc.record({
  user: fc.constantFrom('U1', 'U2', 'U3'),
  channel: fc.constantFrom('C1', 'C2', 'C3'),
  isInGroup: fc.boolean(),
  isGuest: fc.boolean(),
  isShared: fc.boolean(),
});
type Asker = Omit<Question, 'host' | 'work'>;

function holding(rules: ReturnType<typeof writeRules>, { user, isInGroup, isGuest, isShared }: Asker) {
  const requester = { teamId: 'T1', userId: user };
  const groups = new Set(isInGroup ? ['S1'] : []);
  return {
    requester,
    allowlist: holdingRules(rules, requester, { isGuest, isShared, groups, unknownGroups: [] }),
  };
}

/** The channel stands in names of Slack's files only. */
const plannedWork = (work: RequestedWork): Work => draftWork(work, 'C1');

function expectHarmless(message: Message, typed: string): void {
  expectWithinLimits(message);
  expectNothingAlive(message);
  if (!typed.includes(SECRET)) expect(JSON.stringify(message)).not.toContain(SECRET);
}

/** A range names hosts without spelling them. */
const isTyped = (host: string, text: string): boolean =>
  text.includes('[') || text.toLowerCase().includes(host);

describe('whatever is typed', () => {
  test(
    'ends in a plan that the rules grant on each host, or in a refusal that is safe to show',
    () => {
      fc.assert(
        fc.property(
          anyTyped,
          fc.array(anyRule, { maxLength: 3 }),
          anyAsker,
          ({ command, text }, rules, asker) => {
            const { requester, allowlist } = holding(writeRules(rules), asker);
            const asking = { requester, channelId: asker.channel, typed: text };
            let plan: Plan | undefined;
            try {
              soon(() => {
                const request = parseCommand(command, text);
                const known = knownTo(allowlist, requester, FLEET);
                if (request.kind === 'help') expectHarmless(formatHelp('help'), text);
                if (request.kind === 'hosts')
                  expectHarmless(
                    formatHosts(
                      resolveTerms(known, request.terms).map(({ name }) => ({ name, groups: [], note: '' })),
                    ),
                    text,
                  );
                if (request.kind === 'can') {
                  const names = resolveTerms(known, request.terms).map(({ name }) => name);
                  expectHarmless(formatRights(explainRights(allowlist, asking, names)), text);
                }
                if (request.kind !== 'fleet') return;
                const { hosts } = resolveKnown(allowlist, requester, FLEET, request);
                const limits = { fanOut: 64, timeLimitMs: 300_000 };
                plan = planRun(request, hosts, plannedWork(request.work), asking, limits, 1);
                expectHarmless(formatPreview(plan, undefined, request.notes), text);
                authorize(plan, allowlist, FLEET);
              });
              for (const { host } of plan?.targets ?? []) {
                const { work } = plan ?? { work: undefined };
                if (work !== undefined)
                  expect(isGranted(rules, { ...asker, host, work }), `${host} ${text}`).toBe(true);
              }
            } catch (error) {
              if (!(error instanceof Refusal)) throw error;
              expectHarmless(formatRefusal(error, text), text);
              const foreign = HOSTS.filter((host) => !allowlist.rules.some((rule) => rule.hosts.has(host)));
              const told = `${error.message} ${error.remedy ?? ''}`;
              for (const host of foreign) if (!isTyped(host, text)) expect(told).not.toContain(host);
            }
          },
        ),
        cases(2_000),
      );
    },
    FUZZ_MS,
  );
});

test(
  'the rules grant exactly what a second reading of them grants',
  () => {
    const paths = { local: fc.constantFrom('a', 'b/x', 'y'), remote: anyPath };
    const anyWork: fc.Arbitrary<RequestedWork> = fc.oneof(
      fc.record({ action: fc.constant('run' as const), command: anyCommand }),
      fc.record({ action: fc.constant('run' as const), command: anyCommand, sudo: fc.constant('root') }),
      fc.record({
        action: fc.constant('run' as const),
        command: fc.constant(''),
        script: fc.constant({ local: 'a.sh', args: [] }),
      }),
      fc.record({
        action: fc.constant('run' as const),
        command: anyCommand,
        env: fc.constant([['A', '1']] as const),
      }),
      fc.record({ action: fc.constant('ping' as const) }),
      fc.record({ action: fc.constant('put' as const), ...paths }),
      fc.record({ action: fc.constant('get' as const), ...paths }),
    );
    fc.assert(
      fc.property(
        fc.array(anyRule, { maxLength: 3 }),
        anyAsker,
        anyWork,
        fc.constantFrom(...HOSTS),
        (rules, asker, work, host) => {
          const { requester, allowlist } = holding(writeRules(rules), asker);
          const target = { host, ip: '10.0.0.1', port: 22, user: 'ops' };
          const plan: Plan = {
            work: plannedWork(work),
            targets: [target],
            fanOut: 1,
            timeLimitMs: 1_000,
            requester,
            channelId: asker.channel,
            typed: '',
          };
          const isApproved = (): boolean => {
            try {
              return authorize(plan, allowlist, FLEET) !== undefined;
            } catch (error) {
              if (error instanceof Refusal) return false;
              throw error;
            }
          };
          expect(soon(isApproved)).toBe(isGranted(rules, { ...asker, host, work }));
        },
      ),
      cases(3_000),
    );
  },
  FUZZ_MS,
);
