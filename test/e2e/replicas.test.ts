import { describe, expect, test } from 'vitest';
import type { LocalSlack } from '../../src/sandbox/slack/local-slack.ts';
import type { StoredMessage } from '../../src/sandbox/slack/workspace/message.ts';
import { openAuditTrail } from '../../src/store/audit/trail.ts';
import { AUDIT, ada, OPS, shown } from '../rigs/bot.ts';
import { HAS_POSTGRES } from '../rigs/postgres.ts';
import { openReplicas, type Replicas } from '../rigs/replicas.ts';
import { HAS_SSHD } from '../rigs/sshd.ts';

const UP = { timeout: 60_000, interval: 100 };

/** The line of the audit channel that has this. */
const audited = (slack: LocalSlack, word: string): boolean =>
  slack.messages(AUDIT).some(({ text }) => text.includes(`*${word}*`));

async function faultsOf({ url }: Replicas): Promise<readonly string[]> {
  return (await openAuditTrail(url).verify()).faults;
}

/** Two runs, each as large as the slots of one bot: whichever begins with one, the other goes to another. */
const RUNS = ['h[1-7]', 'h[8-14]'];
const SLOTS = { BATCHOPS_CONCURRENCY: '7', BATCHOPS_PERSON_CONCURRENCY: '21' };

/** Their root messages, once both have ended. */
function bothOver(slack: LocalSlack): Promise<readonly StoredMessage[]> {
  return slack.waitFor(() => {
    const roots = slack.messages(OPS).filter(({ isFromApp }) => isFromApp);
    const over = roots.filter(({ text }) => / of 7 in [\d.]+ (s|min)/.test(text));
    return over.length === RUNS.length && over;
  }, 90_000);
}

async function beginBoth({ slack, begun, note }: Replicas, rest: string): Promise<void> {
  for (const hosts of RUNS) await slack.command(ada(`-h ${hosts} -c 7 -cmd '${note(rest)}'`));
  await expect.poll(() => Object.keys(begun()).length, UP).toBe(14);
}

const once = ({ begun }: Replicas): boolean => Object.values(begun()).every((count) => count === 1);

describe.skipIf(!HAS_SSHD || !HAS_POSTGRES)('several bots on one PostgreSQL', () => {
  test('one is killed in mid-run: what it ran is told as unknown, all else runs, nothing runs twice', async () => {
    await using rig = await openReplicas(3, SLOTS);
    const { slack, bots } = rig;
    await beginBoth(rig, 'sleep 10; echo done');
    await bots[0]?.stop('SIGKILL');
    await bots[1]?.stop('SIGKILL');
    await expect.poll(() => audited(slack, 'interrupted'), UP).toBe(true);
    const roots = await bothOver(slack);
    // How many is as the jobs were dealt out.
    expect(roots.some(({ text }) => !text.includes('7 ok of 7'))).toBe(true);
    expect(once(rig)).toBe(true);
    await slack.command(ada(`-h h[1-14] -c 7 -cmd '${rig.note('echo again')}'`));
    await slack.waitFor(() => slack.messages(OPS).some(({ text }) => /14 ok of 14/.test(text)), 60_000);
    expect(await faultsOf(rig)).toEqual([]);
    expect(bots.every((bot) => !bot.output().includes('another process posts'))).toBe(true);
    expect(slack.violations).toEqual([]);
  }, 240_000);

  test('one stands still: what it knows is told late, in the place of "unknown"', async () => {
    await using rig = await openReplicas(2, SLOTS);
    const { slack, bots } = rig;
    await beginBoth(rig, 'sleep 10; echo all of it');
    bots[0]?.process.kill('SIGSTOP');
    const roots = await bothOver(slack);
    // How many is as the jobs were dealt out.
    expect(roots.some(({ text }) => !text.includes('7 ok of 7'))).toBe(true);
    bots[0]?.process.kill('SIGCONT');
    await expect.poll(() => audited(slack, 'late'), UP).toBe(true);
    const said = () => roots.flatMap(({ ts }) => slack.thread(OPS, ts).map(shown)).join('\n');
    await expect.poll(said, UP).toContain('reported late');
    expect(once(rig)).toBe(true);
    expect(await faultsOf(rig)).toEqual([]);
    expect(slack.violations).toEqual([]);
  }, 240_000);

  test('the database crashes in mid-run: outcomes are kept and stored once it is back, nothing is unknown', async () => {
    await using rig = await openReplicas(2, SLOTS);
    const { slack, server, bots } = rig;
    await beginBoth(rig, 'sleep 3; echo done');
    await server.crash();
    await server.start();
    const roots = await bothOver(slack);
    expect(roots.map(({ text }) => text.includes('7 ok of 7'))).toEqual([true, true]);
    expect(once(rig)).toBe(true);
    expect(await faultsOf(rig)).toEqual([]);
    for (const bot of bots) expect(bot.process.exitCode, bot.output().slice(-2_000)).toBeNull();
  }, 240_000);

  test('any of them cancels what any other one runs', async () => {
    await using rig = await openReplicas(2, SLOTS);
    const { slack } = rig;
    await beginBoth(rig, 'sleep 600');
    const ids = slack.messages(OPS).flatMap(({ text }) => /r-\w{4}/.exec(text)?.[0] ?? []);
    for (const id of ids) await slack.command(ada(`cancel ${id}`, '/batch'));
    const roots = await bothOver(slack);
    expect(roots.map(({ text }) => text.includes('7 cancelled of 7'))).toEqual([true, true]);
    expect(await faultsOf(rig)).toEqual([]);
  }, 240_000);
});
