import { describe, expect, test } from 'vitest';
import type { LocalSlack } from '../../src/sandbox/slack/local-slack.ts';
import { openAuditTrail } from '../../src/store/audit/trail.ts';
import { AUDIT, ada, finished, OPS, shown } from '../rigs/bot.ts';
import { HAS_POSTGRES } from '../rigs/postgres.ts';
import { HOSTS, openReplicas, type Replicas } from '../rigs/replicas.ts';
import { HAS_SSHD } from '../rigs/sshd.ts';

const UP = { timeout: 60_000, interval: 100 };

/** The line of the audit channel that has this. */
const audited = (slack: LocalSlack, word: string): boolean =>
  slack.messages(AUDIT).some(({ text }) => text.includes(`*${word}*`));

async function faultsOf({ url }: Replicas): Promise<readonly string[]> {
  return (await openAuditTrail(url).verify()).faults;
}

describe.skipIf(!HAS_SSHD || !HAS_POSTGRES)('several bots on one PostgreSQL', () => {
  test('one is killed in mid-run: what it ran is told as unknown within 15 s, all else runs, nothing runs twice', async () => {
    await using rig = await openReplicas(3, { BATCHOPS_CONCURRENCY: '4' });
    const { slack, bots } = rig;
    await slack.command(ada(`-g web -c 4 -cmd '${rig.note('sleep 2; echo done')}'`));
    await expect.poll(() => Object.keys(rig.begun()).length, UP).toBeGreaterThanOrEqual(4);
    // Any of them may have any of it: whoever took the command holds no more of it than the others.
    const killedAt = performance.now();
    await bots[0]?.stop('SIGKILL');
    const root = await finished(slack);
    const tookMs = performance.now() - killedAt;
    const counts = /(\d+) ok(?:, (\d+) interrupted)? of 15|(\d+) ok.* of 15/.exec(root.text);
    expect(counts, root.text).not.toBeNull();
    // Every host began once, but those whose lane was held by the dead one and had not begun: those begin later, once.
    expect(Object.values(rig.begun()).filter((n) => n !== 1)).toEqual([]);
    expect(Object.keys(rig.begun())).toHaveLength(HOSTS.length);
    if (/interrupted|unknown/.test(root.text)) expect(audited(slack, 'interrupted')).toBe(true);
    expect(tookMs).toBeLessThan(40_000);
    expect(slack.messages(OPS).filter(({ isFromApp }) => isFromApp)).toHaveLength(1);
    await expect.poll(() => audited(slack, 'settled'), UP).toBe(true);
    expect(await faultsOf(rig)).toEqual([]);
    expect(bots.slice(1).every((bot) => !bot.output().includes('another process posts'))).toBe(true);
    expect(slack.violations).toEqual([]);
  }, 180_000);

  test('one stands still: its commands end before its hosts are given away, and what it knows is told late', async () => {
    await using rig = await openReplicas(2, { BATCHOPS_CONCURRENCY: '15' });
    const { slack, bots } = rig;
    const [one, other] = bots;
    if (one === undefined || other === undefined) throw new Error('two bots');
    // Whoever has a slot takes a job; each host sleeps for longer than a lease.
    await slack.command(ada(`-g web -c 15 -cmd '${rig.note('sleep 5; echo all of it')}'`));
    await expect.poll(() => Object.keys(rig.begun()).length, UP).toBe(HOSTS.length);
    one.process.kill('SIGSTOP');
    const root = await finished(slack);
    one.process.kill('SIGCONT');
    if (!/15 ok/.test(root.text)) {
      await expect.poll(() => audited(slack, 'late'), UP).toBe(true);
      await expect
        .poll(() => slack.thread(OPS, root.ts).map(shown).join('\n'), UP)
        .toContain('reported late');
    }
    expect(Object.values(rig.begun()).filter((n) => n !== 1)).toEqual([]);
    expect(await faultsOf(rig)).toEqual([]);
    expect(slack.violations).toEqual([]);
  }, 180_000);

  test('the database crashes in mid-run: outcomes are kept and stored once it is back, nothing is unknown', async () => {
    await using rig = await openReplicas(2, { BATCHOPS_CONCURRENCY: '8' });
    const { slack, server, bots } = rig;
    await slack.command(ada(`-g web -c 6 -cmd '${rig.note('sleep 1; echo done')}'`));
    await expect.poll(() => Object.keys(rig.begun()).length, UP).toBeGreaterThanOrEqual(4);
    server.crash();
    await server.start();
    const root = await finished(slack);
    expect(root.text).toContain('15 ok of 15');
    expect(Object.values(rig.begun()).filter((n) => n !== 1)).toEqual([]);
    expect(await faultsOf(rig)).toEqual([]);
    for (const bot of bots) expect(bot.process.exitCode, bot.output().slice(-2_000)).toBeNull();
  }, 180_000);

  test('any of them cancels what another one runs, within a second or so', async () => {
    await using rig = await openReplicas(3, { BATCHOPS_CONCURRENCY: '5' });
    const { slack } = rig;
    await slack.command(ada(`-g web -c 15 -cmd '${rig.note('sleep 60')}'`));
    await expect.poll(() => Object.keys(rig.begun()).length, UP).toBe(HOSTS.length);
    const root = slack.messages(OPS).find(({ isFromApp }) => isFromApp);
    const id = /r-\w+/.exec(root?.text ?? '')?.[0];
    const askedAt = performance.now();
    await slack.command(ada(`cancel ${id}`, '/batch'));
    const over = await finished(slack);
    expect(over.text).toContain('15 cancelled of 15');
    expect(performance.now() - askedAt).toBeLessThan(8_000);
    expect(await faultsOf(rig)).toEqual([]);
  }, 180_000);
});
