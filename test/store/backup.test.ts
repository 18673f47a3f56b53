import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ConfigError } from '../../src/errors.ts';
import { backUp } from '../../src/store/backup.ts';
import { openStore } from '../../src/store/open.ts';
import { ANN, approvedPlan, drain, okOutcome, openRig, openRun, quiet, type StoreRig } from './rig.ts';

const backUpOf = (rig: StoreRig, file: string) => backUp(`file:${rig.path}`, file, Date.now);

const openCopyOf = (path: string) =>
  openStore({
    url: `file:${path}`,
    hostConcurrency: 1,
    auditChannel: 'CAUDIT',
    mask: (text) => text,
    log: quiet,
  });

test('a backup beside an open store is whole, its owner’s alone, and starts nothing that may have run since', async () => {
  await using rig = await openRig();
  const done = await openRun(rig.store, { hosts: 2 });
  await drain(rig.store, () => okOutcome('up'));
  const going = await openRun(rig.store, { hosts: 4 });
  const started = await rig.store.jobs.start(await rig.store.jobs.take(1));
  await rig.store.createRun(approvedPlan(), 'opening');
  const file = join(rig.folder, 'copy.db');
  const backup = await backUpOf(rig, file);
  expect(backup).toMatchObject({ path: file, bytes: statSync(file).size, runs: 3, held: 3 });
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readdirSync(rig.folder).filter((name) => name.startsWith('copy.db'))).toEqual(['copy.db']);
  expect((await rig.store.audit.verify()).head).toBe(backup.head);

  // The bot that was copied goes on.
  await rig.store.jobs.settle(started.map((job) => ({ job, outcome: okOutcome('late') })));
  await drain(rig.store, () => okOutcome('late'));
  expect((await rig.store.findRun(going.id))?.state).toBe('finished');

  const copy = await openCopyOf(file);
  try {
    expect((await copy.findJob(done.id, 'web01'))?.outcome?.stdout.head).toBe('up');
    expect(await copy.jobs.take(100)).toEqual([]);
    expect(await copy.findRun(going.id)).toMatchObject({
      held: expect.stringMatching(
        /^the database is a backup of \d{4}-\d\d-\d\d \d\d:\d\d UTC: what waited then may/,
      ),
      progress: { queued: 3, settled: { interrupted: 1 } },
    });
    const { faults } = await copy.audit.verify();
    expect(faults).toEqual([]);
    const [seq, hash] = backup.head.split(':');
    expect((await copy.audit.verify({ seq: Number(seq), hash: hash ?? '' })).faults).toEqual([]);
  } finally {
    await copy.close();
  }
});

test('a canary that waits for Continue in a backup is asked about with what the backup cannot know', async () => {
  await using rig = await openRig();
  const run = await openRun(rig.store, { hosts: 3, rollout: { canary: 1 } });
  const canary = await rig.store.jobs.start(await rig.store.jobs.take(9));
  await rig.store.jobs.settle(canary.map((job) => ({ job, outcome: okOutcome() })));
  const file = join(rig.folder, 'copy.db');
  expect(await backUpOf(rig, file)).toMatchObject({ held: 2 });
  expect((await rig.store.findRun(run.id))?.held).toBe('the canary has ended: 1 ok');

  const copy = await openCopyOf(file);
  try {
    expect((await copy.findRun(run.id))?.held).toMatch(
      /^the canary has ended: 1 ok; besides, the database is a backup of .*: what waited then may have run since$/,
    );
    expect((await copy.audit.verify()).faults).toEqual([]);
    expect(await copy.continueRun(run.id, ANN)).toBe(2);
  } finally {
    await copy.close();
  }
});

test('a command or form that waited for a word of its person runs from no backup, and its words are not in it', async () => {
  await using rig = await openRig();
  const put = (kind: 'text' | 'late', requestKey: string) =>
    rig.store.doubts.put({
      kind,
      requester: ANN,
      channelId: 'C1',
      requestKey,
      command: '/batch_run',
      text: 'reboot-all-of-it',
    });
  const ids = [await put('text', 'k1'), await put('late', 'k2')];
  const form = { callbackId: 'f', metadata: '{}', fields: { command: ['reboot-all-of-it'] } };
  const of = { requester: ANN, channelId: 'C1', requestKey: 'k3' };
  ids.push(await rig.store.doubts.put({ ...of, kind: 'form', form, shown: {} }));
  const file = join(rig.folder, 'copy.db');
  await backUpOf(rig, file);
  expect(readFileSync(file).includes('reboot-all-of-it')).toBe(false);
  const copy = await openCopyOf(file);
  try {
    for (const id of ids) {
      // Known, so that its button is not called too old, and of no use.
      expect(await copy.doubts.find(id ?? '', ANN)).toMatch(/^k\d$/);
      expect(await copy.doubts.take(id ?? '', ANN)).toBeUndefined();
    }
    expect(await copy.doubts.put({ ...of, kind: 'form', form, shown: {} })).toBeUndefined();
  } finally {
    await copy.close();
  }
  expect(await rig.store.doubts.take(ids[0] ?? '', ANN)).toMatchObject({ kind: 'text' });
  expect(await rig.store.doubts.take(ids[2] ?? '', ANN)).toMatchObject({ kind: 'form', form, shown: {} });
});

test('a backup takes the place of nothing, and leaves nothing where it could not be written', async () => {
  await using rig = await openRig();
  const file = join(rig.folder, 'mine');
  writeFileSync(file, 'mine');
  await expect(backUpOf(rig, file)).rejects.toThrow(ConfigError);
  await expect(backUpOf(rig, file)).rejects.toThrow('is there already');
  expect(readFileSync(file, 'utf8')).toBe('mine');
  await expect(backUpOf(rig, join(rig.folder, 'no', 'such', 'folder'))).rejects.toThrow(ConfigError);
  const before = readdirSync(rig.folder);
  await expect(backUpOf(rig, rig.path)).rejects.toThrow('is there already');
  expect(readdirSync(rig.folder)).toEqual(before);
  expect(existsSync(join(rig.folder, 'none.db'))).toBe(false);
  await expect(backUp(`file:${join(rig.folder, 'none.db')}`, `${file}2`, Date.now)).rejects.toThrow(
    ConfigError,
  );
});
