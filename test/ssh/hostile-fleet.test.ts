import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { OUTCOME_KINDS } from '../../src/run/outcome.ts';
import { randomOf } from '../../src/run/rollout/order.ts';
import { type MisbehavingHost, STEPS, startMisbehavingHost } from '../rigs/misbehaving-host.ts';
import { MISDEEDS } from '../rigs/misdeeds.ts';
import { makeKeyPair } from '../rigs/sshd.ts';
import type { Fleet, Job, Report } from './hostile-fleet-process.ts';

const PROCESS = new URL('hostile-fleet-process.ts', import.meta.url).pathname;
const HOSTS = 500;
const SEED = 20_261_125;

test('500 hosts that each misbehave at another moment: none ends the process, each job ends once, no socket stays', {
  timeout: 180_000,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'batchops-hostile-'));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const [key, other] = [makeKeyPair(), makeKeyPair()];
  const random = randomOf(SEED);
  const hosts: MisbehavingHost[] = [];
  const jobs: Job[] = [];
  const changed: string[] = [];
  for (let i = 0; i < HOSTS; i++) {
    const at = STEPS[i % STEPS.length] ?? 'auth';
    const does = MISDEEDS[Math.floor(i / STEPS.length) % MISDEEDS.length] ?? 'die';
    const host = await startMisbehavingHost(
      { at, does, seed: SEED + i },
      {
        ip: `127.0.${10 + Math.floor(i / 250)}.${1 + (i % 250)}`,
        hostKey: key,
        asks: random() < 0.3 ? 'keyboard-interactive' : 'password',
      },
    );
    hosts.push(stack.use(host));
    // What showed first: a host with a changed key, which was answered when its socket was gone.
    if (random() < 0.1)
      changed.push(`[${host.ip}]:${host.port} ${other.public.split(' ').slice(0, 2).join(' ')}\n`);
    jobs.push({
      name: `h${i}-${at}-${does}`,
      ip: host.ip,
      port: host.port,
      does: at === 'sftp' || random() < 0.1 ? (random() < 0.5 ? 'put' : 'get') : 'run',
      ...(random() < 0.15 ? { cancelMs: Math.floor(random() * 300) } : {}),
      ...(i % 10 === 9 ? { jump: [jobs[i - 1 - Math.floor(random() * 8)]?.name ?? ''] } : {}),
    });
  }
  await writeFile(join(folder, 'known_hosts'), changed.join(''));
  const fleet: Fleet = { knownHosts: join(folder, 'known_hosts'), jobs };
  await writeFile(join(folder, 'fleet.json'), JSON.stringify(fleet));

  const child = spawn(process.execPath, [PROCESS, join(folder, 'fleet.json'), join(folder, 'report.json')], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const [code] = await once(child, 'exit');
  expect(code).toBe(0);
  const report: Report = JSON.parse(await readFile(join(folder, 'report.json'), 'utf8'));

  expect(report.escaped).toEqual([]);
  expect(report.defects).toEqual([]);
  expect(report.outcomes.map(({ name }) => name).toSorted()).toEqual(jobs.map(({ name }) => name).toSorted());
  expect(report.outcomes.filter(({ kind }) => !OUTCOME_KINDS.some((known) => known === kind))).toEqual([]);
  expect(report.sockets).toBe(0);
  // Where the host did wrong is somewhere in between: it is not that all of them failed before.
  const kinds = new Set(report.outcomes.map(({ kind }) => kind));
  expect([...kinds]).toEqual(
    expect.arrayContaining(['ok', 'unreachable', 'host-key-failed', 'lost', 'cancelled']),
  );
  // No host was sent a command twice, whatever it did.
  expect(Math.max(...hosts.map(({ commands }) => commands.filter((one) => one === 'true').length))).toBe(1);
  // The library's words are about itself; an operator is told what the host did.
  const raw = report.outcomes.filter(
    ({ kind, reason }) =>
      kind !== 'transfer-failed' &&
      /\(SSH\)|Instance unusable|Packet|packet|MAC|_destruct|Protocol error|Handshake failed|undefined/.test(
        reason,
      ),
  );
  expect(raw).toEqual([]);
});
