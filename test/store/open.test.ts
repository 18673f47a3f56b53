import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ConfigError } from '../../src/errors.ts';
import { openStore } from '../../src/store/open.ts';
import { approvedPlan, openRig, openRun, quiet } from './rig.ts';

const settings = { hostConcurrency: 1, auditChannel: undefined, mask: (text: string) => text, log: quiet };

describe('opening the store', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'batchops-open-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const refusalOf = async (url: string): Promise<string> => {
    const opening = openStore({ ...settings, url });
    await expect(opening).rejects.toBeInstanceOf(ConfigError);
    return opening.then(
      () => '',
      (error: ConfigError) => error.problems.join('\n'),
    );
  };

  test('makes the folder and the files for its own eyes only', async () => {
    const path = join(folder, 'data', 'batchops.db');
    const store = await openStore({ ...settings, url: `file:${path}` });
    await store.ping();
    const modes = ['data', 'data/batchops.db', 'data/batchops.db-wal', 'data/batchops.db.lock'].map((name) =>
      (statSync(join(folder, name)).mode & 0o777).toString(8),
    );
    await store.close();
    expect(modes).toEqual(['700', '600', '600', '600']);
  });

  test('a second process is turned away, by another name of the file too, until the first has gone', async () => {
    const path = join(folder, 'batchops.db');
    const first = await openStore({ ...settings, url: `file:${path}` });
    symlinkSync(path, join(folder, 'alias.db'));
    expect(await refusalOf(`file:${path}`)).toContain('already in use by another Batchops');
    expect(await refusalOf(`file:${join(folder, 'alias.db')}`)).toContain(
      'already in use by another Batchops',
    );

    const script = `import { openStore } from ${JSON.stringify(new URL('../../src/store/open.ts', import.meta.url).href)};
      const settings = { hostConcurrency: 1, auditChannel: undefined, mask: (t) => t, log: {} };
      openStore({ ...settings, url: ${JSON.stringify(`file:${path}`)} }).then(
        (store) => store.close().then(() => console.log('opened')),
        (error) => console.log(error.name, error.message));`;
    const other = (): string =>
      spawnSync(process.execPath, ['--input-type=module-typescript', '-e', script], { encoding: 'utf8' })
        .stdout;
    expect(other()).toMatch(/^ConfigError .*already in use/);
    await first.close();
    expect(other()).toBe('opened\n');
  });

  test('no warning about an experimental feature is printed', () => {
    const child = spawnSync(process.execPath, ['-e', "require('node:sqlite')"], { encoding: 'utf8' });
    expect(child.stderr).toBe('');
  });

  test('what is not a database is named and left as it was', async () => {
    const path = join(folder, 'notes.txt');
    writeFileSync(path, 'my notes\n'.repeat(1_000));
    expect(await refusalOf(`file:${path}`)).toContain('is not a database');
    expect(readFileSync(path, 'utf8')).toBe('my notes\n'.repeat(1_000));
  });

  test('a damaged database is named and left as it was', async () => {
    await using rig = await openRig();
    await openRun(rig.store, { hosts: 2_000 });
    await rig.store.close();
    const bytes = readFileSync(rig.path);
    bytes.fill(0x5a, bytes.length / 2, bytes.length / 2 + 8_192);
    writeFileSync(rig.path, bytes);
    expect(await refusalOf(`file:${rig.path}`)).toContain('is damaged');
    expect(readFileSync(rig.path).equals(bytes)).toBe(true);
    rig.store = await openStore({ ...settings, url: `file:${join(rig.folder, 'other.db')}` });
  });

  test('the database of another program gets no tables of ours', async () => {
    const path = join(folder, 'other.db');
    const other = new DatabaseSync(path);
    other.exec('create table accounts (id)');
    other.close();
    const before = readFileSync(path);
    expect(await refusalOf(`file:${path}`)).toContain('belongs to another program');
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  test('the database of a newer version is refused', async () => {
    await using rig = await openRig();
    await rig.store.close();
    rig.sql("insert into kysely_migration values ('0009-later', '2030-01-01T00:00:00.000Z') returning 1");
    expect(await refusalOf(`file:${rig.path}`)).toMatch(/written by a newer Batchops .*0009-later/);
    rig.sql("delete from kysely_migration where name = '0009-later' returning 1");
    await rig.reopen();
  });

  test('a place that cannot be written to is named', async () => {
    mkdirSync(join(folder, 'folder.db'));
    writeFileSync(join(folder, 'file'), '');
    expect(await refusalOf(`file:${join(folder, 'folder.db')}`)).toContain('cannot be opened');
    expect(await refusalOf(`file:${join(folder, 'file', 'x.db')}`)).toMatch(
      /cannot be created \((ENOTDIR|EEXIST)\)/,
    );
    expect(await refusalOf('file:/proc/batchops/x.db')).toContain('cannot be created');
  });

  test.skipIf(process.getuid?.() !== 0)('a database that its user may only read is named', async () => {
    await using rig = await openRig();
    await rig.store.close();
    // Root may write anything; so somebody else tries.
    const script = `import { openStore } from ${JSON.stringify(new URL('../../src/store/open.ts', import.meta.url).href)};
      process.setuid(65534);
      const settings = { hostConcurrency: 1, auditChannel: undefined, mask: (t) => t, log: {} };
      openStore({ ...settings, url: ${JSON.stringify(`file:${rig.path}`)} }).catch((error) => console.log(error.name, error.message));`;
    const { chmodSync } = await import('node:fs');
    chmodSync(rig.folder, 0o777);
    chmodSync(rig.path, 0o444);
    const child = spawnSync(process.execPath, ['--input-type=module-typescript', '-e', script], {
      encoding: 'utf8',
    });
    expect(child.stdout + child.stderr).toMatch(/^ConfigError .*cannot be/);
    chmodSync(rig.path, 0o600);
    await rig.reopen();
  });

  test.each([
    ['postgres://batch:hunter2@db', 'expected postgres://USER@HOST/DATABASE'],
    ['postgresql://batch:hunter2@no-such-host.invalid/batchops', 'has a host name that nobody knows'],
    ['mysql://root:hunter2@db/x', 'expected file:PATH'],
    ['data/batchops.db', 'expected file:PATH'],
    ['file:', 'expected file:PATH'],
  ])('%s is refused without repeating it', async (url, why) => {
    const refusal = await refusalOf(url);
    expect(refusal).toContain(why);
    expect(refusal).not.toContain('hunter2');
  });

  test('a migration that dies half-way leaves nothing behind, and the next start makes it whole', async () => {
    const path = join(folder, 'half.db');
    const half = new DatabaseSync(path);
    // What a start leaves that is killed before its first migration commits.
    half.exec(
      'create table kysely_migration (name varchar(255) primary key, timestamp varchar(255) not null)',
    );
    half.close();
    const store = await openStore({ ...settings, url: `file:${path}` });
    const { isNew } = await store.createRun(approvedPlan(), 'first');
    await store.close();
    expect(isNew).toBe(true);
  });
});
