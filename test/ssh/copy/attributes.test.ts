import { chmod, chown, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Secret } from '../../../src/inventory/secret.ts';
import { CAN_ADD_USERS, HAS_SSHD, type Sshd, startSshd } from '../../rigs/sshd.ts';
import { keyHost, openRig, type TransportRig } from '../rig.ts';
import { openMemory, place, put } from './copy-rig.ts';
import type { Owned } from './memory-sftp.ts';

const { STATUS_CODE } = ssh2.utils.sftp;

describe.skipIf(!HAS_SSHD)('what a put keeps of a file that it replaces', () => {
  let sshd: Sshd;
  let rig: TransportRig;
  let remote: string;

  beforeAll(async () => {
    sshd = await startSshd(CAN_ADD_USERS ? { accounts: [{ password: 'right' }] } : {});
    rig = await openRig();
    remote = join(sshd.folder, 'files');
    await mkdir(remote);
  });
  afterAll(async () => {
    expect(rig.errors).toEqual([]);
    await rig[Symbol.asyncDispose]();
    await sshd[Symbol.asyncDispose]();
  });
  const modeOf = async (path: string) => ((await stat(path)).mode & 0o7777).toString(8);
  const old = async (name: string, mode: number) => {
    const path = join(remote, name);
    await writeFile(path, 'old');
    await chmod(path, mode);
    return path;
  };

  test.each([
    ['755', '644'],
    ['600', '644'],
    ['444', '777'],
    ['640', '755'],
  ])('a rename puts a new file there: mode %s stays over a local %s', async (after, local) => {
    const path = await old(`kept-${after}`, Number.parseInt(after, 8));
    await place(rig, 'f', 'new', Number.parseInt(local, 8));
    expect(await put(rig, keyHost(sshd), 'f', path)).toMatchObject({ kind: 'ok', reason: '' });
    expect(await readFile(path, 'utf8')).toBe('new');
    expect(await modeOf(path)).toBe(after);
  });

  test('a setuid bit never comes with new content, and that is said; nor from here', async () => {
    const path = await old('setuid', 0o4755);
    await place(rig, 'f', 'new', 0o4755);
    const outcome = await put(rig, keyHost(sshd), 'f', path);
    expect(outcome).toMatchObject({
      kind: 'ok',
      reason: "the old file's setuid, setgid or sticky bit (mode 4755) is never given to a new one",
    });
    expect(await modeOf(path)).toBe('755');
    expect(await put(rig, keyHost(sshd), 'f', join(remote, 'fresh'))).toMatchObject({
      kind: 'ok',
      reason: '',
    });
    expect(await modeOf(join(remote, 'fresh'))).toBe('755');
  });

  test.skipIf(!CAN_ADD_USERS)('owner and group stay where the login may give files away', async () => {
    const path = await old('owned', 0o640);
    await chown(path, 12_345, 23_456);
    await place(rig, 'f', 'new');
    expect(await put(rig, keyHost(sshd), 'f', path)).toMatchObject({ kind: 'ok', reason: '' });
    expect(await stat(path)).toMatchObject({ uid: 12_345, gid: 23_456 });
    expect(await modeOf(path)).toBe('640');
  });

  test.skipIf(!CAN_ADD_USERS)(
    'where it may not that is said, and what one group was allowed is not given to another',
    async () => {
      const open = join(sshd.folder, 'open');
      await mkdir(open);
      await chmod(open, 0o777);
      const path = join(open, 'theirs');
      await writeFile(path, 'old');
      await chown(path, 12_345, 23_456);
      await chmod(path, 0o640);
      await place(rig, 'f', 'new');
      const { privateKey: _, ...bare } = keyHost(sshd);
      const account = { ...bare, user: sshd.accounts[0] ?? '', password: new Secret('right') };
      const outcome = await put(rig, account, 'f', path);
      expect(outcome.kind).toBe('ok');
      expect(outcome.reason).toMatch(
        /^its owner was uid 12345 and is uid \d+ now \(permission denied\); its group was gid 23456 and is gid \d+ now \(permission denied\); its mode is 600, not 640, since the group is another one$/,
      );
      expect(await modeOf(path)).toBe('600');
    },
  );

  test('a file whose name leaves no room for ours is put all the same: a limit in bytes is counted in bytes', async () => {
    const name = `${'报'.repeat(80)}.txt`;
    await place(rig, 'f', 'new');
    expect(await put(rig, keyHost(sshd), 'f', join(remote, name))).toMatchObject({ kind: 'ok' });
    expect(await readFile(join(remote, name), 'utf8')).toBe('new');
    await place(rig, name, 'from here');
    expect(await put(rig, keyHost(sshd), name, `${remote}/`)).toMatchObject({ kind: 'ok' });
    const long = '机'.repeat(120);
    const got = await rig.transport.execute(
      keyHost(sshd, { name: long }),
      { action: 'get', local: 'x', remote: join(remote, name) },
      {
        runId: 'r-1',
        timeLimitMs: 5_000,
        mayTouch: () => true,
        by: 'U0ANN',
        signal: new AbortController().signal,
      },
    );
    expect(got).toMatchObject({ kind: 'ok' });
    const [folder = ''] = await readdir(join(rig.folder, 'transfers/x'));
    expect(Buffer.byteLength(folder)).toBeLessThanOrEqual(120);
    expect(await readFile(join(rig.folder, 'transfers/x', folder, name), 'utf8')).toBe('from here');
  });

  test('what is fetched is no wider here than there, nor wider than the file that it replaces, and only the bot may write it', async () => {
    const here = (name: string) => join(rig.folder, 'transfers/in/web01', name);
    const fetchIt = (path: string) =>
      rig.transport.execute(
        keyHost(sshd),
        { action: 'get', local: 'in', remote: path },
        {
          runId: 'r-1',
          timeLimitMs: 5_000,
          mayTouch: () => true,
          by: 'U0ANN',
          signal: new AbortController().signal,
        },
      );
    for (const [mode, after] of [
      [0o600, '600'],
      [0o777, '755'],
      [0o4755, '755'],
      [0o400, '600'],
    ] as const) {
      const path = await old(`fetched-${mode}`, mode);
      expect((await fetchIt(path)).kind).toBe('ok');
      expect(await modeOf(here(`fetched-${mode}`))).toBe(after);
    }
    const again = await old('fetched-again', 0o644);
    await fetchIt(again);
    await chmod(here('fetched-again'), 0o600);
    await fetchIt(again);
    expect(await modeOf(here('fetched-again'))).toBe('600');
    // Narrower there by now: what was readable for all here is so no longer.
    await chmod(here('fetched-again'), 0o644);
    await chmod(again, 0o600);
    await fetchIt(again);
    expect(await modeOf(here('fetched-again'))).toBe('600');
  });
});

describe('modes on a host with its own ideas', () => {
  const key: Owned = { mode: 0o600, uid: 1000, gid: 1000 };
  const oldKey = () => ({
    files: new Map([['/tmp/key', Buffer.from('old')]]),
    owned: new Map<string, Owned>([['/tmp/key', key]]),
  });

  test('at no request may more people read the temporary file than the final one', async () => {
    const seen: string[] = [];
    const script = oldKey();
    let isFirstLook = true;
    await using memory = await openMemory({
      ...script,
      onRequest(name) {
        const [part] = [...script.owned].filter(([path]) => path.endsWith('.part'));
        // As a host that does not heed the mode with which a file is made.
        if (part && name === 'FSTAT' && isFirstLook) {
          isFirstLook = false;
          script.owned.set(part[0], { ...part[1], mode: 0o644 });
        }
        const bytes = part ? (memory.files.get(part[0])?.length ?? 0) : 0;
        if (part && (name === 'WRITE' || bytes > 0)) seen.push(part[1].mode.toString(8));
        return false;
      },
    });
    await using rig = await openRig();
    await place(rig, 'key', 'secret', 0o644);
    expect(await put(rig, memory.host, 'key', '/tmp/key')).toMatchObject({ kind: 'ok', reason: '' });
    expect(seen.length).toBeGreaterThan(3);
    expect(new Set(seen)).toEqual(new Set(['600']));
    expect(memory.files.get('/tmp/key')?.toString()).toBe('secret');

    // A new one takes the mode of its source in the end; until then it is for the login only, also where that is wide.
    seen.length = 0;
    await place(rig, 'key', 'secret', 0o644);
    expect(await put(rig, memory.host, 'key', '/tmp/new')).toMatchObject({ kind: 'ok', reason: '' });
    expect(seen.slice(0, 2)).toEqual(['600', '600']);
    expect(script.owned.get('/tmp/new')?.mode).toBe(0o644);
  });

  test('a host that makes every file readable and lets nobody change that gets no byte of what was private', async () => {
    const script = oldKey();
    let written = 0;
    await using memory = await openMemory({
      ...script,
      onRequest(name, id, sftp) {
        for (const [path, whose] of script.owned) {
          if (path.endsWith('.part')) script.owned.set(path, { ...whose, mode: 0o644 });
        }
        if (name === 'WRITE') written += 1;
        if (name !== 'FSETSTAT') return false;
        sftp.status(id, STATUS_CODE.OP_UNSUPPORTED);
        return true;
      },
    });
    await using rig = await openRig();
    await place(rig, 'key', 'secret', 0o644);
    const outcome = await put(rig, memory.host, 'key', '/tmp/key');
    expect(outcome.kind).toBe('transfer-failed');
    expect(outcome.reason).toBe(
      'more people could read the new file than the old one of mode 600: setting the mode of ' +
        '/tmp/.batchops-r-7k3f-*.part: the host does not know how; nothing was sent',
    );
    expect(written).toBe(0);
    expect([...memory.files.keys()]).toEqual(['/tmp/', '/tmp/key']);
  });

  test.each([
    ['does not know how', STATUS_CODE.OP_UNSUPPORTED, 'the host does not know how'],
    ['forbids it', STATUS_CODE.PERMISSION_DENIED, 'permission denied'],
    ['never answers', undefined, 'no answer within 0.1 s'],
  ])(
    'a step that is nice to have never fails or stalls the copy: one that %s is said',
    async (_what, code, words) => {
      const owned = new Map<string, Owned>([['/tmp/f', { mode: 0o755, uid: 0, gid: 0 }]]);
      await using memory = await openMemory({
        files: new Map([['/tmp/f', Buffer.from('old')]]),
        owned,
        onRequest(name, id, sftp) {
          if (name !== 'FSETSTAT') return false;
          if (code !== undefined) sftp.status(id, code);
          return true;
        },
      });
      await using rig = await openRig({ copyLimits: { optionalStepMs: 100 } });
      await place(rig, 'f', 'new');
      const outcome = await put(rig, memory.host, 'f', '/tmp/f');
      expect(outcome.kind).toBe('ok');
      expect(outcome.reason).toBe(
        [
          `its owner was uid 0 and is uid 1000 now (${words})`,
          `its group was gid 0 and is gid 1000 now (${words})`,
          `its mode should be 755 and is 600 (${words})`,
        ].join('; '),
      );
      expect(outcome.durationMs).toBeLessThan(2_000);
      expect(memory.files.get('/tmp/f')?.toString()).toBe('new');
    },
  );

  test('a host that tells nothing of a file and sets nothing still takes one', async () => {
    await using memory = await openMemory({
      onRequest(name, id, sftp) {
        if (!['FSETSTAT', 'FSTAT'].includes(name)) return false;
        sftp.status(id, STATUS_CODE.OP_UNSUPPORTED);
        return true;
      },
    });
    await using rig = await openRig();
    await place(rig, 'f', 'new', 0o640);
    expect(await put(rig, memory.host, 'f', '/tmp/f')).toMatchObject({
      kind: 'ok',
      reason: 'its mode should be 640 and is not known (the host does not know how)',
      file: { verified: 'read-back' },
    });
  });
});
