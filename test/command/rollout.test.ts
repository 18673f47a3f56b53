import { describe, expect, test } from 'vitest';
import { parseCommand } from '../../src/command/parse-command.ts';
import { Refusal } from '../../src/errors.ts';

const rolloutOf = (options: string, command = '/batch_run', rest = '-cmd "id"') => {
  const request = parseCommand(command, `-h all ${options} ${rest}`);
  return request.kind === 'fleet' ? request.rollout : undefined;
};

function refusalOf(options: string): Refusal {
  try {
    rolloutOf(options);
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  throw new Error(`${options} was not refused`);
}

describe('the options of a rollout', () => {
  test('say what they say, for a command and for a copy', () => {
    const typed = '-serial 1,5,20% -canary 2 -maxfail 10% -wait 30s -order random -pick 40';
    const rollout = {
      serial: [{ count: 1 }, { count: 5 }, { percent: 20 }],
      canary: 2,
      maxFail: { percent: 10 },
      waitMs: 30_000,
      order: 'random',
      pick: 40,
    };
    expect(rolloutOf(typed)).toEqual(rollout);
    expect(rolloutOf(typed, '/batch_scp', '-action put a /tmp/')).toEqual(rollout);
    expect(rolloutOf('')).toBeUndefined();
  });

  test.each([
    ['-serial 1, 5 ,20%', { serial: [{ count: 1 }, { count: 5 }, { percent: 20 }] }],
    ['-serial ２０％', { serial: [{ percent: 20 }] }],
    ['-serial 100%', { serial: [{ percent: 100 }] }],
    ['-maxfail 0', { maxFail: { count: 0 } }],
    ['-maxfail 0%', { maxFail: { percent: 0 } }],
    ['-order REVERSE', { order: 'reverse' }],
  ])('%s', (options, rollout) => {
    expect(rolloutOf(options)).toEqual(rollout);
  });

  test.each([
    ['-serial 0', '-serial "0" is not the size of a batch.', /percentages from 1% to 100%/],
    ['-serial 1,0%', '-serial "0%" is not the size of a batch.', /whole numbers of hosts/],
    ['-serial 101%', '-serial "101%" is not the size of a batch.', /1,5,20%/],
    ['-serial 2.5', '-serial "2.5" is not the size of a batch.', /whole numbers/],
    ['-serial 1,,2', '-serial "1,,2" has a comma with no name beside it.', /Take the comma out/],
    [`-serial ${Array(51).fill(1).join()}`, '-serial takes from one to 50 sizes.', /last one repeats/],
    ['-canary 0', '-canary "0" is not a number of hosts.', /as in -canary 1/],
    ['-canary 10%', '-canary "10%" is not a number of hosts.', /whole number/],
    [
      '-maxfail some',
      '-maxfail "some" is neither a number of hosts nor a percentage.',
      /-maxfail 0 for none/,
    ],
    ['-maxfail 101%', '-maxfail "101%" is neither a number of hosts nor a percentage.', /10% of all hosts/],
    ['-wait 30s', '-wait has no batches to wait between.', /-serial 5 -wait 30s/],
    ['-canary 1 -wait 30s', '-wait has no batches to wait between.', /a person is waited for/],
    ['-serial 1 -wait 30', '-wait "30" is not a duration.', /-wait 30s for seconds/],
    [
      '-order randon',
      '-order "randon" is none of inventory, sorted, reverse, random.',
      /Did you mean random\?/,
    ],
    ['-pick 0', '-pick "0" is not a number of hosts.', /as in -pick 1/],
    ['-batch 5', '"-batch" is not an option of this command.', /Did you mean -serial\?/],
    ['-max-fail 5', '"-max-fail" is not an option of this command.', /Did you mean -maxfail\?/],
    ['-serial', '-serial is incomplete: the size of a batch is missing before "-cmd".', /1,5,20%/],
  ])('refused: %s', (options, message, remedy) => {
    const refusal = refusalOf(options);
    expect(refusal.message).toBe(message);
    expect(refusal.remedy).toMatch(remedy);
    expect(refusal.usage).toMatch(/-serial SIZES/);
  });
});
