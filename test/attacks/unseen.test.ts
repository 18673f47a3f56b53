import { expect, test } from 'vitest';
import { openAuditTrail } from '../../src/store/audit/trail.ts';
import { ADA, ada, BOB, EVERYTHING, OPS, openStage, type Stage, shown } from '../rigs/bot.ts';
import { HAS_SSHD } from '../rigs/sshd.ts';

/** Bob may run uptime on h1. */
const RULES = `${EVERYTHING}
[bob]
users = ${BOB}
channels = ${OPS}
hosts = h1
actions = run
commands = uptime
`;

const bob = (text: string, command = '/batch_run') => ({ user: BOB, channel: OPS, command, text });

async function answerTo({ slack }: Stage, asked: ReturnType<typeof bob>): Promise<string> {
  const outcome = await slack.command(asked);
  return shown(await slack.waitFor(() => outcome.answers()[0], 20_000));
}

/** `refused`, `cancelled again`, … of one person, with the run where there is one. */
async function entriesOf({ home }: Stage, user: string): Promise<readonly string[]> {
  const trail = openAuditTrail(`file:${home.path('data/batchops.db')}`);
  const entries: string[] = [];
  for await (const { action, userId, runId, detail } of trail.entries()) {
    if (userId !== user) continue;
    const what = action === 'refused' ? String(detail.typed) : (runId ?? String(detail.runs));
    entries.push(`${action}${detail.again === true ? ' again' : ''}: ${what}`);
  }
  return entries;
}

test.skipIf(!HAS_SSHD)(
  "nothing is tried or looked at unseen: refused previews, reads of others' results, cancels that come again or too late",
  async () => {
    await using stage = await openStage({ allowlist: RULES });
    const { slack } = stage;

    // What would be refused is tried as a preview, and in the form.
    expect(await answerTo(stage, bob('-h h1 -n -cmd reboot'))).toMatch(
      /Refused: You may not run this here on h1/,
    );
    expect(await answerTo(stage, bob('-h h2 -n -cmd uptime'))).toMatch(
      /no host "h2" that a rule of yours is for/,
    );
    await slack.command(bob(''));
    const form = await slack.waitFor(() => slack.views(BOB).at(-1));
    const values = { terms: 'h1', command: 'halt', channel: OPS };
    expect((await slack.submit({ user: BOB, viewId: form.id, values })).errors).not.toEqual({});
    const tried = await entriesOf(stage, BOB);
    expect(tried).toEqual([
      'refused: /batch_run -h h1 -n -cmd reboot',
      'refused: /batch_run -h h2 -n -cmd uptime',
      expect.stringMatching(/^refused: .*halt/),
    ]);

    // Stopped twice while it runs, and once more when it is over.
    await slack.command(ada(`-h h1 -cmd "trap '' TERM; echo seen; sleep 600"`));
    await slack.waitFor(() => slack.messages(OPS).some(({ text }) => /1 running/.test(text)), 20_000);
    const id = /r-\w{4}/.exec(slack.messages(OPS)[0]?.text ?? '')?.[0] ?? '';
    await Promise.all([
      slack.command(ada(`cancel ${id}`, '/batch')),
      slack.command(ada(`cancel ${id}`, '/batch')),
    ]);
    await slack.waitFor(() => slack.messages(OPS).some(({ text }) => /1 cancelled of 1/.test(text)), 60_000);
    expect(await answerTo(stage, ada(`cancel ${id}`, '/batch'))).toMatch(/has already finished/);
    const stops = (await entriesOf(stage, ADA)).filter((entry) => entry.includes('cancel'));
    expect(stops.toSorted()).toEqual([
      `cancelled again: ${id}`,
      `cancelled: ${id}`,
      `refused: /batch cancel ${id}`,
    ]);

    // Bob reads what Ada ran, in every way there is; she reads her own.
    for (const text of [`show ${id}`, `show ${id} h1`, 'runs']) {
      expect(await answerTo(stage, bob(text, '/batch'))).toMatch(/cancelled/);
      await answerTo(stage, ada(text, '/batch'));
    }
    await slack.openHome({ user: BOB });
    await slack.waitFor(() => slack.home(BOB));
    expect((await entriesOf(stage, BOB)).slice(tried.length)).toEqual([`read: ${id}`]);
    expect((await entriesOf(stage, ADA)).filter((entry) => entry.startsWith('read'))).toEqual([]);
  },
  150_000,
);
