import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { expect, onTestFailed, test } from 'vitest';
import { TRUST_ACTION } from '../../src/report/keys/look.ts';
import { openAuditTrail } from '../../src/store/audit/trail.ts';
import { ADA, AUDIT, ada, OPS, shown, spawnBot } from '../rigs/bot.ts';
import { startHalfOpenProxy } from '../rigs/half-open-proxy.ts';
import { HAS_POSTGRES } from '../rigs/postgres.ts';
import { HOSTS } from '../rigs/one-server.ts';
import { openRoles } from '../rigs/roles.ts';
import { HAS_SSHD } from '../rigs/sshd.ts';

const UP = { timeout: 60_000, interval: 100 };
const own = '$(echo "$SSH_CONNECTION" | cut -d" " -f3)';

function readPid(path: string): number | undefined {
  return existsSync(path) ? Number(readFileSync(path, 'utf8')) || undefined : undefined;
}

const isAlive = (pid: number | undefined): boolean => pid !== undefined && existsSync(`/proc/${pid}`);

/**
 * One rig for all, as it takes long to stand: a bot that has no secret of a host, and workers that have no token of
 * Slack, one of which is cut off from the database and one killed.
 */
test.skipIf(!HAS_SSHD || !HAS_POSTGRES)(
  'a bot without secrets and workers without tokens: said where one is missing, carried out, ended where one is cut off, unknown where one is killed',
  async () => {
    await using rig = await openRoles({ BATCHOPS_CONCURRENCY: '7', BATCHOPS_PERSON_CONCURRENCY: '21' });
    const { slack, sshd, server, bot, botHome } = rig;
    onTestFailed(() => void process.stderr.write(bot.output().slice(-3_000)));
    const roots = () => slack.messages(OPS).filter(({ isFromApp }) => isFromApp);
    const rootWith = (text: RegExp) =>
      slack.waitFor(() => roots().find((one) => text.test(shown(one))), 60_000);
    const threads = () =>
      roots()
        .flatMap(({ ts }) => slack.thread(OPS, ts).map(shown))
        .join('\n');

    // Nobody is there who could run it: that is said, and it waits.
    await slack.command(ada(`-h h[1-3] -cmd 'echo $$ > ${sshd.folder}/${own}; echo begun; sleep 600; :'`));
    await rootWith(/No worker is running/);
    const told = (text: RegExp) =>
      slack.waitFor(() => slack.ephemerals(ADA).findLast((one) => text.test(shown(one))), 40_000);
    await slack.command(ada('queue', '/batch'));
    await told(/No worker is running/);

    // A worker that is cut off ends what it runs, and only then another one goes there.
    await using cable = await startHalfOpenProxy(server.port);
    const cutOff = await rig.startWorker({ url: rig.url.replace(`:${server.port}/`, `:${cable.port}/`) });
    const pids = () => HOSTS.slice(0, 3).map((host) => readPid(`${sshd.folder}/${host}`));
    await expect.poll(() => pids().every((pid) => pid !== undefined), UP).toBe(true);
    await expect.poll(() => roots().map(shown).join(), UP).not.toContain('No worker is running');
    const begun = pids();
    const second = await rig.startWorker();
    cable.freeze();
    const look = `if kill -0 $(cat ${sshd.folder}/${own}) 2>/dev/null; then echo tw""o; else echo al""one; fi`;
    await slack.command(ada(`-h h[1-3] -cmd '${look}'`));
    await expect.poll(() => begun.filter(isAlive), UP).toEqual([]);
    await rootWith(/3 ok of 3/);
    await expect.poll(threads, UP).toContain('alone');
    expect(threads()).not.toContain('two');
    cable.thaw();
    await expect.poll(threads, UP).toContain('was cut off from the database while it ran; stopped: ');

    // All parts or each a part: a process that does all is refused beside them, in the end.
    await writeFile(botHome.path('all.ini'), '[h1]\nip = 127.0.2.1\nuser = root\npassword = hunter2-long\n');
    const all = spawnBot(botHome, slack, { BATCHOPS_DATABASE_URL: rig.url, BATCHOPS_INVENTORY: 'all.ini' });

    // One is killed in mid-run: unknown within 15 s, and the other one goes on.
    // More than one worker has slots for.
    for (const hosts of ['h[4-8]', 'h[9-13]'])
      await slack.command(ada(`-h ${hosts} -cmd '${rig.note('sleep 8; echo done')}'`));
    await expect.poll(() => Object.keys(rig.begun()).length, UP).toBe(10);
    const killedAt = performance.now();
    await second.stop('SIGKILL');
    const ofTwo = () =>
      roots()
        .map(shown)
        .filter((text) => text.includes('sleep 8'));
    await expect.poll(() => ofTwo().join(), UP).toContain(' interrupted');
    expect(performance.now() - killedAt).toBeLessThan(15_000);
    await expect.poll(() => ofTwo().filter((text) => / of 5 in /.test(text)).length, UP).toBe(2);
    expect(ofTwo().join()).toMatch(/[1-5] ok/);
    expect(Object.values(rig.begun()).every((count) => count === 1)).toBe(true);

    // A key is looked at and believed by a worker.
    await slack.command(ada('trust h14', '/batch'));
    const keys = await told(/Host keys of 1 host: 1 new/);
    await slack.click({ user: ADA, channel: OPS, ts: keys.ts, actionId: TRUST_ACTION });
    await told(/1 host known from now on/);

    // A file goes out of the folder that both see, and comes back through the bot.
    await writeFile(botHome.path('data/transfers/note.txt'), 'to and fro\n');
    await slack.command(ada(`-h h15 -action put note.txt /tmp/batchops-roles-note`, '/batch_scp'));
    await rootWith(/1 ok of 1/);
    await slack.command(ada(`-h h15 -action get /tmp/batchops-roles-note back.txt`, '/batch_scp'));
    await expect.poll(() => threads(), UP).toContain('back.txt');

    // Another inventory is not what was approved.
    await cutOff.stop();
    await rig.startWorker({ inventory: (text) => text.replace('ip = 127.0.2.15', 'ip = 127.0.2.14') });
    await slack.command(ada('-h h15 -cmd uptime'));
    await expect.poll(threads, UP).toContain('the inventory of its worker has another address');

    expect(bot.output()).not.toContain('known_hosts');
    expect(existsSync(botHome.path('data/known_hosts'))).toBe(false);
    expect((await openAuditTrail(rig.url).verify()).faults).toEqual([]);
    expect(slack.messages(AUDIT).some(({ text }) => text.includes('*interrupted*'))).toBe(true);
    expect(slack.violations).toEqual([]);
    expect(await all.ended).toBe(78);
    expect(all.output()).toContain('BATCHOPS_ROLE: all, and a process with ');
  },
  280_000,
);
