import { expect, test } from 'vitest';
import { askAuditLines, tellAuditLines } from '../../src/crew/audit-lines.ts';
import { answerForKeys, distantKeyring } from '../../src/crew/keys.ts';
import { seenThrough } from '../../src/crew/seen-through.ts';
import { distantDirectory, tellStandings } from '../../src/crew/standings.ts';
import { learnTyped, tellTyped } from '../../src/crew/typed-secrets.ts';
import { Refusal } from '../../src/errors.ts';
import { createMask, openMask } from '../../src/gather/mask.ts';
import { parseInventory } from '../../src/inventory/parse-inventory.ts';
import type { Crew, Member } from '../../src/ports/crew.ts';
import type { HostKeyring } from '../../src/ports/hosts.ts';
import type { KeyReport, TrustableReport } from '../../src/run/host-key.ts';
import { bareOutcome, NO_OUTPUT } from '../../src/run/outcome.ts';

type Answers = Readonly<Record<string, (words: string) => Promise<string>>>;

/** Who is asked answers at once, or is not there; and what was said lies where it can be read. */
function crewOf(members: Readonly<Record<string, Answers | undefined>>): Crew & { readonly said: string[] } {
  const said: string[] = [];
  return {
    said,
    async announce() {},
    has: () => true,
    others: async () => Object.keys(members).map((id): Member => ({ id, role: 'worker' })),
    onChange() {},
    whoRuns: async () => Object.keys(members).map((id): Member => ({ id, role: 'worker' })),
    async ask(of, what, words) {
      const id = typeof of === 'string' ? (Object.keys(members)[0] ?? '') : of.id;
      const answer = await members[id]?.[what]?.(words);
      said.push(words, answer ?? '');
      return answer;
    },
    serve() {},
  };
}

const sources = { env: () => undefined, readFile: () => '', findKeyFault: () => undefined };
const inventoryWith = (ip: string) =>
  parseInventory(`[web01]\nip = ${ip}\nuser = root\npassword = hunter2-long\n`, 'inventory.ini', sources);
const report: TrustableReport = {
  kind: 'new',
  host: 'web01',
  place: '10.0.0.1',
  offered: [{ type: 'ssh-ed25519', fingerprint: 'SHA256:a', base64: 'AAAA' }],
  untold: [],
};

function keyringOf(more: Partial<HostKeyring> = {}): HostKeyring & { readonly written: string[] } {
  const written: string[] = [];
  return {
    written,
    policy: 'ask',
    look: async (hosts) => hosts.map(({ name }): KeyReport => ({ ...report, host: name })),
    async trust(reports) {
      written.push(...reports.map(({ host }) => host));
      return { kind: 'done', written: reports, stale: [] };
    },
    ...more,
  };
}

test('a yes to keys is put down, then written by each worker that is there; a missing one is said', async () => {
  const keyrings = [keyringOf(), keyringOf()];
  const [one, two] = keyrings.map((keyring) =>
    answerForKeys(keyring, { inventory: inventoryWith('10.0.0.1') }),
  );
  const recorded: string[] = [];
  const record = async (reports: readonly TrustableReport[]): Promise<void> => {
    expect(keyrings.flatMap(({ written }) => written)).toEqual([]);
    recorded.push(...reports.map(({ host }) => host));
  };
  const crew = crewOf({ one, two });
  expect(await distantKeyring(crew, 'ask').trust([report], record)).toEqual({
    kind: 'done',
    written: [report],
    stale: [],
  });
  expect([recorded, ...keyrings.map(({ written }) => written)]).toEqual([['web01'], ['web01'], ['web01']]);
  expect(crew.said.join()).not.toContain('hunter2');
  const halved = crewOf({
    three: answerForKeys(keyringOf(), { inventory: inventoryWith('10.0.0.1') }),
    four: undefined,
  });
  expect(await distantKeyring(halved, 'ask').trust([report], async () => {})).toMatchObject({
    kind: 'failed',
    reason: expect.stringContaining(
      '1 of 2 workers did not say that they wrote the keys down, and others may have',
    ),
  });
  // All of them silent: then there are no others of which anything could be said.
  const silent = crewOf({ five: undefined, six: undefined });
  expect(await distantKeyring(silent, 'ask').trust([report], async () => {})).toEqual({
    kind: 'failed',
    reason:
      '2 of 2 workers did not say that they wrote the keys down; ask /batch trust again once they answer',
  });
  expect(await distantKeyring(crewOf({}), 'ask').trust([report], record)).toMatchObject({ kind: 'failed' });
  // One of two has it: it is not known yet.
  const known = keyringOf({
    look: async (hosts) => hosts.map(({ name }): KeyReport => ({ ...report, host: name, kind: 'same' })),
  });
  const [five, six] = [known, keyringOf()].map((keyring) =>
    answerForKeys(keyring, { inventory: inventoryWith('10.0.0.1') }),
  );
  const [host] = [...inventoryWith('10.0.0.1').hosts.values()];
  if (host === undefined) throw new Error('no host');
  expect(await distantKeyring(crewOf({ five, six }), 'ask').look([host])).toMatchObject([{ kind: 'new' }]);
  expect(await distantKeyring(crewOf({ five, four: undefined }), 'ask').look([host])).toMatchObject([
    { kind: 'same' },
  ]);
});

test('a worker looks at no host that its own inventory has elsewhere, and writes nothing under strict', async () => {
  const [ours] = [...inventoryWith('10.0.0.1').hosts.values()];
  if (ours === undefined) throw new Error('no host');
  const elsewhere = answerForKeys(keyringOf(), { inventory: inventoryWith('10.0.0.9') });
  const [found] = await distantKeyring(crewOf({ elsewhere }), 'ask').look([ours]);
  expect(found).toMatchObject({
    kind: 'unreachable',
    reason: expect.stringContaining('another address or login'),
  });
  const strict = keyringOf({ policy: 'strict' });
  const crew = crewOf({ strict: answerForKeys(strict, { inventory: inventoryWith('10.0.0.1') }) });
  expect(await distantKeyring(crew, 'ask').trust([report], async () => {})).toMatchObject({ kind: 'failed' });
  expect(strict.written).toEqual([]);
});

test('who somebody is comes from the bot part, is asked again after a while, and a no is a no at once', async () => {
  let now = 0;
  let asked = 0;
  let isGuest = false;
  const answers = tellStandings({
    async standingOf(requester, channelId, named) {
      asked += 1;
      if (requester.userId === 'UGONE') throw new Refusal('not-allowed', 'deactivated', { remedy: 'ask' });
      return { isGuest, isShared: channelId === 'CSHARED', groups: new Set(named), unknownGroups: [] };
    },
  });
  const directory = distantDirectory(crewOf({ bot: answers }), () => now);
  const ann = { teamId: 'T1', userId: 'UANN' };
  const standing = () => directory.standingOf(ann, 'CSHARED', new Set(['S1']));
  expect(await standing()).toEqual({
    isGuest: false,
    isShared: true,
    groups: new Set(['S1']),
    unknownGroups: [],
  });
  isGuest = true;
  expect([(await standing()).isGuest, asked]).toEqual([false, 1]);
  now = 46_000;
  expect([(await standing()).isGuest, asked]).toEqual([true, 2]);
  const gone = directory.standingOf({ teamId: 'T1', userId: 'UGONE' }, '', new Set());
  await expect(gone).rejects.toMatchObject({ code: 'not-allowed', message: 'deactivated', remedy: 'ask' });
  const nobody = distantDirectory(crewOf({}), () => now).standingOf(ann, '', new Set());
  await expect(nobody).rejects.toThrow('No bot answers');
});

test('a secret that is whole only once its colours are gone is masked by the worker, and long output with one kept back', async () => {
  const mask = createMask(['hunter2-long']);
  const coloured = 'pass hunter2\u001b[1m-long end\n';
  const stream = { ...NO_OUTPUT, head: coloured, totalBytes: 30 };
  const plain = { ...NO_OUTPUT, head: '\u001b[1mbold\u001b[0m\n', totalBytes: 10 };
  const file = async function* () {
    yield new TextEncoder().encode('a'.repeat(100));
    yield new TextEncoder().encode(`\n${coloured}`);
  };
  const spool = { read: async () => file() };
  const seen = await seenThrough({ ...bareOutcome('ok', 'so'), stdout: stream, stderr: plain }, mask, spool);
  expect(seen.stdout.head).toBe('pass [secret] end\n');
  expect(seen.stderr).toEqual(plain);
  const spooled = { ...plain, spool: { path: 'r-1/web01.stdout', bytes: 130 } };
  const kept = await seenThrough(
    { ...bareOutcome('ok', 'so'), stdout: spooled, stderr: NO_OUTPUT },
    mask,
    spool,
  );
  expect([kept.stdout.spool, kept.reason]).toEqual([
    undefined,
    expect.stringMatching(/^so; its long output is kept back/),
  ]);
  const broken = { read: async () => Promise.reject(new Error('EIO')) };
  const unseen = await seenThrough(
    { ...bareOutcome('ok', ''), stdout: spooled, stderr: NO_OUTPUT },
    mask,
    broken,
  );
  expect([unseen.kind, unseen.stdout.head, unseen.stdout.spool, unseen.reason]).toEqual([
    'ok',
    plain.head,
    undefined,
    'its long output is kept back: a secret stands in it between colours, or it could not be looked through',
  ]);
  const clean = {
    read: async () =>
      (async function* () {
        yield new TextEncoder().encode('fine\n');
      })(),
  };
  expect(
    (await seenThrough({ ...bareOutcome('ok', ''), stdout: spooled, stderr: NO_OUTPUT }, mask, clean)).stdout,
  ).toEqual(spooled);
});

test('a secret that somebody types is masked by a bot that holds none, once a worker says that it is one', async () => {
  const known = createMask(['hunter2-long', 'pa&ss<word']);
  const mask = openMask();
  const crew = crewOf({ worker: tellTyped(() => known) });
  const learn = learnTyped(crew, (secrets) => mask.learn(secrets));
  const typed = 'mysql -phunter2-long -e "select 1"';
  expect(mask.now().text(typed)).toBe(typed);
  await learn(typed);
  expect(mask.now().text(typed)).toBe('mysql -p[secret] -e "select 1"');
  // Only what was typed has left the worker.
  expect(crew.said.join()).not.toContain('pa&ss');
  const nobody = learnTyped(crewOf({ worker: undefined }), () => {
    throw new Error('nothing was told');
  });
  await nobody(typed);
});

test('whether the audit has lines in a channel is told by the bot part, as it is set there', async () => {
  expect(await askAuditLines(crewOf({ bot: tellAuditLines('CAUDIT') }))).toBe('channel');
  expect(await askAuditLines(crewOf({ bot: tellAuditLines(undefined) }))).toBe('nobody');
  await expect(askAuditLines(crewOf({}))).rejects.toThrow('No bot answers');
});
