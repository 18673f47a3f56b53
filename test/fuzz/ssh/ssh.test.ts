import { fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Secret } from '../../../src/inventory/secret.ts';
import { OUTCOME_KINDS, type Outcome } from '../../../src/run/outcome.ts';
import type { Work } from '../../../src/run/plan.ts';
import { within } from '../../../src/time/within.ts';
import { execution, openRig, passwordHost } from '../../ssh/rig.ts';
import { cases, FUZZ_MS } from '../cases.ts';
import { addressOf, type Mutation, PASSWORD } from './mutation.ts';

const HOSTS = new URL('mutating-host-process.ts', import.meta.url).pathname;
/** So many in one property; of them so many under way, or their limits of time would come to mean something. */
const HOSTS_EACH = process.env.FUZZ_CASES === undefined ? 100 : 2_000;
const AT_ONCE = 50;
/** What ends at all has ended by then, however busy the machine is. */
const ENDS_WITHIN_MS = FUZZ_MS / 2;
/** Most cases end by one of these. A second try would be the same bytes again. */
const DEADLINES = {
  connectMs: 3_000,
  handshakeMs: 2_000,
  channelMs: 700,
  lingerMs: 50,
  killGraceMs: 50,
  disconnectMs: 50,
  keepaliveMs: 400,
  retryDelaysMs: [],
};
const CONTENT = 'content';
const SOURCE = { bytes: CONTENT.length, sha256: createHash('sha256').update(CONTENT).digest('hex') };
const RUN: Work = { action: 'run', command: 'true' };
const PUT: Work = { action: 'put', local: 'file', remote: '/tmp/file', source: SOURCE };
const GET: Work = { action: 'get', remote: '/tmp/file', local: 'got' };
const workOf = (seed: number): Work => [RUN, PUT, GET][seed % 3] ?? RUN;

const anyMutation: fc.Arbitrary<Mutation> = fc.record({
  seed: fc.nat(),
  does: fc.constantFrom('packets' as const, 'packets' as const, 'packets' as const, 'bytes' as const),
  from: fc.nat(16).map((n) => n + 1),
  every: fc.integer({ min: 1, max: 12 }),
});

function judge(outcome: Outcome, mutation: Mutation): void {
  const which = JSON.stringify(mutation);
  expect(OUTCOME_KINDS, which).toContain(outcome.kind);
  expect(JSON.stringify(outcome), which).not.toContain(PASSWORD);
  expect(outcome.reason, which).not.toMatch(/\p{Cc}|\u202e/u);
}

test(
  'whatever bytes a host sends, each job has one outcome in time, and no secret in it',
  async () => {
    // In a test run the same bytes each time; other ones are for the long form.
    const { numRuns = 1, seed = 11, ...parameters } = cases(100);
    const hosts = fork(HOSTS, { execArgv: [] });
    const [port] = await once(hosts, 'message');
    const kinds = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyMutation, { minLength: HOSTS_EACH, maxLength: HOSTS_EACH }),
        async (mutations) => {
          hosts.send(mutations);
          await once(hosts, 'message');
          await using rig = await openRig({
            deadlines: DEADLINES,
            idleMs: 50,
            policy: 'off',
            secrets: [PASSWORD],
          });
          await mkdir(join(rig.folder, 'transfers'), { recursive: true });
          await writeFile(join(rig.folder, 'transfers', 'file'), CONTENT);
          const left = mutations.entries();
          const someHosts = Array.from({ length: AT_ONCE }, async () => {
            for (const [i, mutation] of left) {
              const { seed } = mutation;
              const host = passwordHost(Number(port), {
                name: `h${i}`,
                ip: addressOf(i),
                password: new Secret(PASSWORD),
                shell: seed % 2 === 0 ? 'raw' : 'auto',
              });
              const work = rig.transport.execute(host, workOf(seed), execution({ timeLimitMs: 1_500 }));
              const outcome = await within<Outcome>(work, {
                ms: ENDS_WITHIN_MS,
                late: () => expect.fail(`no end: ${JSON.stringify(mutation)}`),
              });
              judge(outcome, mutation);
              kinds.set(outcome.kind, (kinds.get(outcome.kind) ?? 0) + 1);
            }
          });
          await Promise.all(someHosts);
          expect(rig.errors).toEqual([]);
        },
      ),
      { ...parameters, seed, numRuns: Math.ceil(numRuns / HOSTS_EACH), endOnFailure: true },
    );
    hosts.disconnect();
    // It is not that all of them failed at the door.
    expect([...kinds.keys()]).toEqual(expect.arrayContaining(['unreachable', 'failed', 'transfer-failed']));
  },
  FUZZ_MS,
);
