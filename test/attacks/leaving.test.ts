import { execFileSync } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { describe, expect, test, vi } from 'vitest';
import { escapeMrkdwn } from '../../src/report/text/escape.ts';
import { AUDIT, ada, finished, MAIN, OPS, openStage, type Stage, shown } from '../rigs/bot.ts';
import { askHealth } from '../rigs/processes.ts';
import { sendDisconnect, startSshServer } from '../rigs/ssh-server.ts';
import { HAS_SSHD, makeKeyPair } from '../rigs/sshd.ts';

/** The inventory has it; as it is, what JSON, Slack and a shell each write otherwise stands in it. */
const SECRET = 'Tr0ub4dor&3<x>"`:y:z';

/** All that anybody can read: Slack, the log, the disk, the audit, the metrics. */
async function everything(
  { slack, bot, home }: Stage,
  folders: readonly string[] = ['data'],
): Promise<string> {
  const threads = [OPS, AUDIT].flatMap((channel) =>
    slack.messages(channel).flatMap((message) => [message, ...slack.thread(channel, message.ts)]),
  );
  const files = [];
  for (const folder of folders) {
    for (const entry of await readdir(home.path(folder), { recursive: true, withFileTypes: true }).catch(
      () => [],
    )) {
      const path = join(entry.parentPath, entry.name);
      // What was fetched lies there as it was.
      if (entry.isFile() && !path.startsWith(home.path('data/transfers')))
        files.push(`${path}\n${await readFile(path, 'latin1')}`);
    }
  }
  const port = Number(/"health":"127\.0\.0\.1:(\d+)"/.exec(bot.output())?.[1]);
  const audit = execFileSync(process.execPath, [MAIN, 'audit', 'export'], {
    cwd: home.folder,
    encoding: 'utf8',
  });
  return [
    JSON.stringify([threads, slack.ephemerals('U0ADA0001')]),
    ...threads.flatMap((message) =>
      message.files.map((id) => Buffer.from(slack.workspace.files.get(id)?.bytes ?? []).toString()),
    ),
    bot.output(),
    audit,
    (await askHealth(port, '/metrics'))?.text ?? '',
    ...files,
  ].join('\n');
}

function expectNoSecret(text: string, secrets: readonly string[]): void {
  for (const secret of secrets) {
    for (const form of [
      secret,
      JSON.stringify(secret).slice(1, -1),
      escapeMrkdwn(secret),
      JSON.stringify(escapeMrkdwn(secret)).slice(1, -1),
    ]) {
      const at = text.indexOf(form);
      expect(at === -1 ? '' : text.slice(Math.max(0, at - 200), at + 80), form).toBe('');
    }
  }
}

describe.skipIf(!HAS_SSHD)('what a host says, through the real bot', () => {
  test('leaves without a secret of the inventory in it, however it comes: in pieces, in colours, line by line, as a file or its name', async () => {
    const pinned = `[pw]\nip = 127.0.1.1\npassword = ${SECRET}\n`;
    await using stage = await openStage({ inventory: pinned });
    const { slack, home, sshd } = stage;
    const file = home.path('pw');
    await writeFile(file, `login ${SECRET} done\n`);
    const key = sshd.key.private.trimEnd().split('\n');
    const other = makeKeyPair('rsa').private;
    await writeFile(home.path('other'), other);

    const said = [
      `cat ${file}`,
      `cat ${file} >&2; exit 3`,
      `dd if=${file} bs=1 2>/dev/null`,
      `head -c 12 ${file}; sleep 0.3; tail -c +13 ${file}`,
      `sed 's/0/\\x1b[1m0\\x1b[0m/g' ${file}`,
      `cat ${file} ${file} | tr -d '\\n'`,
      `seq 1 30000; cat ${file}; seq 1 30000`,
      `cat ${home.path('key')}; cat ${home.path('other')}`,
      `sed -n 3p ${home.path('key')}; cat -n ${home.path('key')}; tr '\\n' ' ' < ${home.path('key')}`,
      `tail -n +2 ${home.path('key')}; grep . ${home.path('key')} /dev/null; tr -d '\\n' < ${home.path('key')}`,
      `echo '${SECRET}'`,
    ];
    const asked = [
      ...said.map((command) => ada(`-h h1 -cmd ${command}`)),
      // A file that is named so, and what a shell says of one that is not there.
      ada(
        `-h h2 -cmd cp ${file} '${home.path(SECRET)}'; ls ${home.folder}; cat '${home.path(`${SECRET}/x`)}'`,
      ),
    ];
    for (const one of asked) await slack.command(one);
    const ended = () => slack.messages(OPS).filter(({ text }) => / 1 (ok|failed) of 1 /.test(text)).length;
    await slack.waitFor(() => ended() === asked.length, 60_000);

    await writeFile(home.path('wide'), Buffer.from(`\ufeffpassword: ${SECRET}\r\n`, 'utf16le'));
    const secrets = [SECRET, ...key.slice(1, -2), ...other.split('\n').slice(1, -2)];
    const get = async (names: readonly string[]): Promise<string> => {
      const before = ended();
      for (const name of names)
        await slack.command(ada(`-h h3 -action get '${home.path(name)}' took`, '/batch_scp'));
      await slack.waitFor(() => ended() === before + names.length, 60_000);
      return await slack.waitFor(() => {
        const words = slack
          .messages(OPS)
          .flatMap(({ ts }) => slack.thread(OPS, ts).map(shown))
          .join('\n');
        return names.every((name) => words.includes(`took/h3/${name} is not put into this thread`)) && words;
      }, 20_000);
    };
    const kept = await get(['pw', 'wide', 'key', 'other']);
    expect(kept).toMatch(/it holds a password, key or token.*lies under this name in the transfer folder/);
    expect(kept).toMatch(/something in it begins as a private key does/);
    // What was typed is on the disk until it has run.
    await vi.waitFor(async () => expectNoSecret(await everything(stage), secrets), {
      timeout: 15_000,
      interval: 500,
    });

    // Its own disk has a file's true name, and so has the record of where it came from; nobody is told it.
    await slack.command(ada(`-h h3 -action get '${home.path(SECRET)}' took`, '/batch_scp'));
    await slack.waitFor(
      () =>
        slack
          .messages(OPS)
          .flatMap(({ ts }) => slack.thread(OPS, ts))
          .some((reply) => shown(reply).includes('took/h3/[secret] is not put into this thread')),
      30_000,
    );
    expectNoSecret(await everything(stage, []), secrets);
  }, 120_000);

  test('leaves without it where a hostile host says it of its own: greeting, goodbye, question, signal, error, file name', async () => {
    await using stack = new AsyncDisposableStack();
    const { STATUS_CODE } = ssh2.utils.sftp;
    const open = { onLogin: (context: { accept(): void }) => context.accept() };
    const servers = {
      goodbye: await startSshServer({
        onConnection: (connection) =>
          connection.on('handshake', () => sendDisconnect(connection, `no ${SECRET} here`)),
      }),
      signal: await startSshServer({
        ...open,
        onCommand(channel) {
          channel.stderr.write(`told ${SECRET}\n`);
          channel.exit(`TERM ${SECRET}`, false, `because ${SECRET}`);
          channel.end();
        },
      }),
      question: await startSshServer({
        offers: ['keyboard-interactive'],
        onLogin(context, offers) {
          if (context.method !== 'keyboard-interactive') return context.reject(offers);
          context.prompt(
            [{ prompt: `What of ${SECRET}? `, echo: true }],
            `Title ${SECRET}`,
            `Do ${SECRET}`,
            () => context.reject(offers),
          );
        },
      }),
      sftp: await startSshServer({
        ...open,
        onSftp(sftp) {
          for (const name of ['STAT', 'LSTAT', 'REALPATH', 'OPEN'] as const)
            sftp.on(name, (id: number) => sftp.status(id, STATUS_CODE.FAILURE, `no ${SECRET} for you`));
        },
      }),
      name: await startSshServer({
        ...open,
        onSftp(sftp) {
          sftp.on('STAT', (id) =>
            sftp.attrs(id, { mode: 0o100644, size: 4, uid: 0, gid: 0, atime: 0, mtime: 0 }),
          );
          sftp.on('REALPATH', (id) =>
            sftp.name(id, [
              {
                filename: `/srv/${SECRET}/x`,
                longname: SECRET,
                attrs: { mode: 0o100644, size: 4, uid: 0, gid: 0, atime: 0, mtime: 0 },
              },
            ]),
          );
          sftp.on('OPEN', (id) => sftp.status(id, STATUS_CODE.PERMISSION_DENIED, SECRET));
        },
      }),
    };
    for (const server of Object.values(servers)) stack.use(server);
    const inventory = Object.entries(servers).map(
      ([name, { port }]) => `[${name}]\nip = 127.0.0.1\nport = ${port}\npassword = ${SECRET}\nshell = raw\n`,
    );
    const stage = stack.use(await openStage({ inventory: inventory.join('') }));
    const { slack } = stage;
    await slack.command(ada('-h goodbye,signal,question -cmd id'));
    const root = await finished(slack);
    await slack.waitFor(() => slack.thread(OPS, root.ts).map(shown).join('').includes('signal'), 20_000);
    await slack.command(ada('-h sftp,name -action get /srv/x took', '/batch_scp'));
    const copied = await finished(slack, 2);
    expect(copied.text).toMatch(/2 transfer failed of 2/);
    const words = [root, copied].flatMap(({ ts }) => slack.thread(OPS, ts).map(shown)).join('\n');
    expect(words).toContain('[secret]');
    expectNoSecret(await everything(stage), [SECRET]);
  }, 90_000);
});
