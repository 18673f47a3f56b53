import { expect, test } from 'vitest';
import { parseInventory } from '../../src/inventory/parse-inventory.ts';
import { openRequests } from '../../src/requests/open-requests.ts';
import type { AuditEntry } from '../../src/run/audit-entry.ts';
import type { HostFacts } from '../../src/run/ping/facts.ts';
import { okOutcome } from '../store/rig.ts';
import { ANN, CLEO, clickOn, countRuns, DAN, ELSEWHERE, OPS, openDeskRig, textOf } from './rig.ts';

let requests = 0;
const batch = (text: string, requester = ANN, channelId = OPS) => {
  requests += 1;
  return { command: '/batch', text, requester, channelId, requestKey: `ping-${requests}` };
};

test('who may run something on a host may ping it, whatever command that is; nobody else, and all or none of them', async () => {
  await using rig = await openDeskRig();
  expect(textOf(await rig.desk.command(batch('ping web01', DAN)))).toContain('No rule of this bot names you');
  // Cleo may run uptime, on web01.
  expect(textOf(await rig.desk.command(batch('ping web01,db01', CLEO)))).toContain('db01');
  expect(textOf(await rig.desk.command(batch('ping')))).toContain('/batch ping needs to know which hosts');
  expect(await countRuns(rig)).toBe(0);
  expect(await rig.desk.command(batch('ping web01', CLEO))).toBeUndefined();
  const [run] = await rig.context.store.listRuns(1);
  expect(run?.plan).toMatchObject({ work: { action: 'ping' }, targets: [{ host: 'web01' }] });
  const entries: AuditEntry[] = [];
  for await (const entry of rig.context.store.audit.entries()) entries.push(entry);
  expect(entries.at(-1)).toMatchObject({
    action: 'accepted',
    userId: CLEO.userId,
    detail: { action: 'ping' },
  });
});

const FACTS: HostFacts = {
  host: 'web01',
  ip: '10.0.0.1',
  port: 22,
  user: 'root',
  at: 0,
  kind: 'ok',
  meeting: {
    at: 0,
    tcpMs: 1,
    kexMs: 12,
    authMs: 20,
    key: { type: 'ssh-ed25519', fingerprint: 'SHA256:abc' },
    trust: 'new',
    server: 'OpenSSH_9.2p1 <!channel> \u202e',
  },
  abilities: { at: 0, shell: '/bin/bash', sudo: 'asks', sftp: true },
};

test('what is remembered is told with its age, of hosts that are theirs, and not of another address', async () => {
  await using rig = await openDeskRig();
  const { store } = rig.context;
  await store.hostFacts.remember([
    { ...FACTS, at: Date.now() - 180_000 },
    { ...FACTS, host: 'db01', ip: '10.0.0.3' },
  ]);
  const one = textOf(await rig.desk.command(batch('facts web01')));
  expect(one).toMatch(/contact {2}3 min( \d\d s)? ago: ok, as root@10.0.0.1:22/);
  expect(one).toContain('key      ssh-ed25519, known');
  expect(one).toContain('login    33 ms');
  expect(one).toContain('sudo     asks for a password');
  expect(one).toContain('⟨U+202E⟩');
  expect(one).toContain('SHA256:abc');
  const group = textOf(await rig.desk.command(batch('facts @web')));
  expect(group).toContain('Remembered of 1 of 2 hosts; nothing was dialled.');
  expect(group).toMatch(/web02.* · nothing is remembered/);
  expect(textOf(await rig.desk.command(batch('facts db01')))).not.toContain('OpenSSH');
  expect(await countRuns(rig)).toBe(0);

  const files = { env: () => undefined, readFile: () => '', findKeyFault: () => undefined };
  const login = 'user = root\npassword = hunter2\n';
  const web = '[web]\nweb01 = True\n';
  const moved = `[web01]\nip = 10.0.0.77\n${login}${web}`;
  const behind = `[web01]\nip = 10.0.0.1\n${login}jump = gate\n[gate]\nip = 10.0.0.9\n${login}${web}`;
  for (const text of [moved, behind]) {
    const inventory = parseInventory(text, 'inventory.ini', files);
    const desk = openRequests({ ...rig.context, inventory });
    const after = textOf(await desk.command(batch('facts web01')));
    expect(after).toContain('nothing is remembered of them at the address and user');
    expect(after).not.toContain('OpenSSH');
  }
});

test('a host that runs is shown in a window, to who may see its result and as long as they may', async () => {
  await using rig = await openDeskRig();
  await rig.desk.command({ ...batch('-h web01 -cmd "make"'), command: '/batch_run' });
  const [run] = await rig.context.store.listRuns(1);
  const id = run?.id ?? '';
  const blockId = `batchops_run:${id}:open`;
  const asked = { actionId: 'batchops_show_host', text: '', blockId, channelId: OPS };
  expect(await rig.desk.suggest({ ...asked, requester: ANN })).toEqual([]);
  const { jobs } = rig.context.store;
  const [job] = await jobs.start(await jobs.take(10));
  if (job === undefined) throw new Error('no job');
  const offered = await rig.desk.suggest({ ...asked, requester: ANN });
  expect(offered[0]?.options).toMatchObject([{ text: { text: 'web01 · running' }, value: '0' }]);
  const silent = { text: '', totalBytes: 0, isCut: false, binary: false };
  const shown = async (words: string) => textOf(await rig.desk.command(batch(words)));
  rig.seen.set(`${id}:web01`, { phase: 'starting' });
  expect(await shown(`show ${id} web01`)).toMatch(/ · connecting or logging in, begun [\d.]+ s ago/);
  rig.seen.set(`${id}:web01`, {
    phase: 'running',
    output: { stdout: { ...silent, text: 'step 1\u001b[31m\nstep 2\n', totalBytes: 19 }, stderr: silent },
  });
  expect(await shown(`show ${id} web01`)).toMatch(/still running, begun [\d.]+ s ago.*step 1/s);
  const click = (requester = ANN, channelId = OPS) =>
    rig.desk.press(clickOn('batchops_show_host', '0', { blockId, requester, channelId }));
  expect(textOf(await click(CLEO, ELSEWHERE))).toContain(`There is no run ${id} here.`);
  const window = await click();
  if (window === undefined || !('look' in window)) throw new Error('no window');
  expect(JSON.stringify(window.view)).toContain('step 1\\nstep 2"');
  expect(JSON.stringify(window.view)).toContain('Kept fresh while this is open');
  expect(await window.look()).toMatchObject({ isLast: false });

  // Its process is silent: what was seen last stays, and that it may be old is said.
  const running = rig.seen.get(`${id}:web01`);
  rig.seen.set(`${id}:web01`, { phase: 'unanswered' });
  const stale = JSON.stringify((await window.look()).view);
  expect(stale).toContain('step 2');
  expect(stale).toContain('the process that runs it does not answer at the moment');
  const anew = await click();
  expect(JSON.stringify(anew)).toContain('nothing to show: the process that runs it does not answer');
  if (running !== undefined) rig.seen.set(`${id}:web01`, running);
  expect(JSON.stringify((await window.look()).view)).not.toContain('does not answer');
  expect(JSON.stringify(await window.look('time-up'))).toContain('not kept fresh any more');

  // Whoever is in no rule any more sees no more of it.
  const later = await (async () => {
    const { allowlist } = rig.context;
    Object.assign(rig.context, { allowlist: { ...allowlist, rules: [] } });
    const look = await window.look();
    Object.assign(rig.context, { allowlist });
    return look;
  })();
  expect(later.isLast).toBe(true);
  expect(JSON.stringify(later.view)).not.toContain('step');

  await jobs.settle([{ job, outcome: okOutcome('all done') }]);
  const last = await window.look();
  expect(last.isLast).toBe(true);
  expect(JSON.stringify(last.view)).toContain('all done');
  expect(JSON.stringify(last.view)).toContain('It has ended: this is its result.');
});
