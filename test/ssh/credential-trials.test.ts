import { describe, expect, test } from 'vitest';
import { CredentialTrials, type Trial, type TwiceRefused } from '../../src/ssh/login/credential-trials.ts';

const OPEN = new AbortController().signal;

function openRun(runId = 'r-7k3f', trials = new CredentialTrials()) {
  let isAnswered = 0;
  const begin = async (host: string, credential = 'root/secret', signal = OPEN) => {
    const trial = await trials.begin({ runId, host, credential }, signal);
    isAnswered++;
    return trial;
  };
  return { begin, answered: () => isAnswered };
}

function isTrial(it: Trial | TwiceRefused): it is Trial {
  return 'refused' in it;
}

async function offer(it: Promise<Trial | TwiceRefused>): Promise<Trial> {
  const trial = await it;
  if (!isTrial(trial)) throw new Error('it was not offered');
  return trial;
}

/** All that is ready to happen has happened. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('a credential that a run offers to many hosts', () => {
  test('goes to two, and after two refusals to none, however many wait', async () => {
    const run = openRun();
    const [first, second, ...rest] = Array.from({ length: 50 }, (_, i) => run.begin(`web${i}`));
    await settle();
    expect(run.answered()).toBe(2);
    (await offer(first as Promise<Trial>)).refused();
    await settle();
    expect(run.answered()).toBe(2);
    (await offer(second as Promise<Trial>)).refused();
    const refusals = { refusedBy: ['web0', 'web1'] };
    expect(await Promise.all(rest)).toEqual(rest.map(() => refusals));
  });

  test('goes to all at once from the first host on that took it, whatever others say', async () => {
    const run = openRun();
    const all = Array.from({ length: 20 }, (_, i) => run.begin(`web${i}`));
    (await offer(all[0] as Promise<Trial>)).refused();
    (await offer(all[1] as Promise<Trial>)).accepted();
    for (const trial of await Promise.all(all.slice(2))) if (isTrial(trial)) trial.refused();
    expect(isTrial(await run.begin('late'))).toBe(true);
  });

  test('is not blamed for hosts that were lost before they answered', async () => {
    const run = openRun();
    for (let i = 0; i < 10; i++) (await offer(run.begin(`dead${i}`))).dropped();
    (await offer(run.begin('web1'))).refused();
    expect(isTrial(await run.begin('web2'))).toBe(true);
  });

  test('is judged by the first answer of each host', async () => {
    const run = openRun();
    const trial = await offer(run.begin('web1'));
    trial.refused();
    trial.refused();
    trial.accepted();
    (await offer(run.begin('web2'))).refused();
    expect(await run.begin('web3')).toEqual({ refusedBy: ['web1', 'web2'] });
  });

  test('is judged by itself, in its run', async () => {
    const trials = new CredentialTrials();
    const run = openRun('r-7k3f', trials);
    for (const host of ['web1', 'web2']) (await offer(run.begin(host))).refused();
    expect(isTrial(await run.begin('web3', 'root/other'))).toBe(true);
    expect(isTrial(await openRun('r-8888', trials).begin('web3'))).toBe(true);
    expect(isTrial(await run.begin('web3'))).toBe(false);
  });

  test('waits no longer for hosts whose login was given up', async () => {
    const run = openRun();
    const stop = new AbortController();
    await run.begin('slow1', 'root/secret', stop.signal);
    await run.begin('slow2', 'root/secret', stop.signal);
    const third = run.begin('web3');
    await settle();
    expect(run.answered()).toBe(2);
    stop.abort();
    expect(isTrial(await third)).toBe(true);
  });
});
