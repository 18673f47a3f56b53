import { expect, test } from 'vitest';
import { ADA, ada, BOB, EVERYTHING, OPS, openStage, type Stage, shown } from '../rigs/bot.ts';
import { HAS_SSHD } from '../rigs/sshd.ts';

const BOTH = EVERYTHING.replace(ADA, `${ADA}, ${BOB}`);
const bob = (text: string, command = '/batch_run') => ({ user: BOB, channel: OPS, command, text });

async function answerTo({ slack }: Stage, asked: ReturnType<typeof bob>): Promise<string> {
  const outcome = await slack.command(asked);
  return shown(await slack.waitFor(() => outcome.answers()[0], 20_000));
}

test.skipIf(!HAS_SSHD)(
  'one person whose commands sleep for a day holds neither the slots nor the queue',
  async () => {
    await using stage = await openStage({
      allowlist: BOTH,
      env: { BATCHOPS_CONCURRENCY: '4', BATCHOPS_PERSON_RUNS: '6' },
    });
    const { slack } = stage;
    for (let n = 0; n < 6; n++) await slack.command(ada(`-h h${(n % 2) + 1} -t 24h -cmd "sleep 86400"`));
    await slack.waitFor(() => slack.messages(OPS).length === 6, 20_000);

    expect(await answerTo(stage, ada('-h h3 -cmd uptime'))).toMatch(
      /You have 6 unfinished runs; one person may have 6\..*\/batch queue.*BATCHOPS_PERSON_RUNS/s,
    );
    await slack.command(bob('-h h3 -cmd "echo through"'));
    await slack.waitFor(() => slack.messages(OPS).some(({ text }) => /1 ok of 1/.test(text)), 20_000);

    const queue = await answerTo(stage, bob('queue', '/batch'));
    expect(queue).toMatch(/1 running, the longest on h1 for/);
    expect(queue).toMatch(/1 waiting for their host \(h1 after r-\w{4}\)/);
    for (const { text } of slack.messages(OPS)) {
      const id = /r-\w{4}/.exec(text)?.[0] ?? '';
      await slack.command(ada(`cancel ${id}`, '/batch'));
    }
    await slack.waitFor(() => slack.messages(OPS).every(({ text }) => / of 1 in /.test(text)), 30_000);
  },
  90_000,
);

test.skipIf(!HAS_SSHD)(
  'longer than the longest time, and more hosts than a person may have waiting, is refused with the limit',
  async () => {
    await using stage = await openStage({
      env: { BATCHOPS_MAX_TIME: '2h', BATCHOPS_PERSON_WAITING: '2' },
    });
    expect(await answerTo(stage, ada('-h h1 -t 3h -cmd uptime'))).toMatch(
      /-t is longer than 2 h\..*BATCHOPS_MAX_TIME/s,
    );
    expect(await answerTo(stage, ada('-g web -cmd uptime'))).toMatch(
      /This is 3 hosts; one person may have 2 waiting at once\..*fewer hosts.*BATCHOPS_PERSON_WAITING/s,
    );
    expect(await answerTo(stage, ada('-g web -n -cmd uptime'))).toMatch(
      /Refused: This is 3 hosts; one person may have 2 waiting at once\..*BATCHOPS_PERSON_WAITING/s,
    );
    expect(stage.slack.messages(OPS)).toEqual([]);
  },
  60_000,
);

test.skipIf(!HAS_SSHD)(
  "a preview says what a person's limits would make wait, and nothing of them where nothing would",
  async () => {
    await using stage = await openStage({
      env: { BATCHOPS_CONCURRENCY: '4', BATCHOPS_PERSON_CONCURRENCY: '2' },
    });
    const { slack } = stage;
    expect(await answerTo(stage, ada('-g web -n -cmd uptime'))).toMatch(
      /One person may have 2 jobs on the wire at once: at most 2 of these would start now, the others wait\..*BATCHOPS_PERSON_CONCURRENCY.*Your rules allow this here/s,
    );
    expect(await answerTo(stage, ada('-g web -c 2 -n -cmd uptime'))).not.toMatch('One person');
    await slack.command(ada('-h h1 -t 24h -cmd "sleep 86400"'));
    await slack.waitFor(() => slack.messages(OPS).some(({ text }) => /1 running/.test(text)), 20_000);
    expect(await answerTo(stage, ada('-g web -n -cmd uptime'))).toMatch(
      /on the wire at once, and you have 1 on it now: at most 1 of these would start now/,
    );
    const id = /r-\w{4}/.exec(slack.messages(OPS)[0]?.text ?? '')?.[0];
    await slack.command(ada(`cancel ${id}`, '/batch'));
    await slack.waitFor(() => slack.messages(OPS).some(({ text }) => / of 1 in /.test(text)), 20_000);
  },
  60_000,
);

test.skipIf(!HAS_SSHD)(
  'a run that gets to its hosts slowly keeps nobody else off those that it has not reached yet',
  async () => {
    await using stage = await openStage({ allowlist: BOTH });
    const { slack } = stage;
    await slack.command(ada('-h all -c 1 -t 24h -cmd "sleep 86400"'));
    await slack.waitFor(() => slack.messages(OPS).some(({ text }) => /1 running/.test(text)), 20_000);
    await slack.command(bob('-h h2,h3 -cmd "echo through"'));
    await slack.waitFor(() => slack.messages(OPS).some(({ text }) => /2 ok of 2/.test(text)), 20_000);
    // On what runs she comes later, and is told behind what; her own later run waits as well.
    await slack.command(ada('-h h3 -cmd "echo mine"'));
    await slack.waitFor(() => slack.messages(OPS).filter(({ text }) => /echo mine/.test(text))[0], 20_000);
    expect(await answerTo(stage, ada('queue', '/batch'))).toMatch(
      /1 waiting for their host \(h3 after r-\w{4}\)/,
    );
    const id = /r-\w{4}/.exec(slack.messages(OPS).find(({ text }) => /sleep/.test(text))?.text ?? '')?.[0];
    await slack.command(ada(`cancel ${id}`, '/batch'));
    await slack.waitFor(() => slack.messages(OPS).some(({ text }) => /1 ok of 1/.test(text)), 20_000);
  },
  90_000,
);
