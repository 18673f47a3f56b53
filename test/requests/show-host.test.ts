import { expect, test } from 'vitest';
import { showHost } from '../../src/requests/show-host.ts';
import { formatBareResult, formatUnshown } from '../../src/thread/unshown.ts';
import { boxesOf, expectNothingAlive, expectWithinLimits } from '../report/limits.ts';
import { sampleJob, sampleOutcome, sampleRun, streamOf } from '../report/samples.ts';
import { recordLog } from '../slack/rig.ts';

test('a result that cannot be shown as it should be is shown in plain letters, and the log has the defect', () => {
  const log = recordLog();
  const outcome = sampleOutcome({
    kind: 'failed',
    exitCode: 2,
    stdout: streamOf('caf\u00e9 \u001b[31m<!channel>\nend'),
  });
  // As no version of ours ever stored it.
  const job = sampleJob(Object.assign(outcome, JSON.parse('{"reason": null}')));
  const answer = showHost(log, sampleRun(), job);
  if (!('text' in answer)) throw new Error('a window?');
  expect(answer.text).toContain('web01 in r-7k3f: failed, exit 2');
  expect(boxesOf(answer)).toEqual(['caf. .[31m<!channel>\nend']);
  expect(log.lines).toMatchObject([{ level: 'error', fields: { id: 'show:r-7k3f:web01' } }]);
});

test('what is said in place of a message holds nothing alive and keeps within the limits, whatever it is about', () => {
  const hostile = '<!channel>\u202e\ud800`&'.repeat(40_000);
  const messages = [
    formatUnshown(`reply:r-7k3f:${hostile}`),
    formatUnshown('audit:3'),
    formatBareResult(
      sampleRun(),
      sampleJob(sampleOutcome({ stdout: streamOf(hostile), stderr: streamOf(hostile) }), hostile),
    ),
  ];
  for (const message of messages) {
    expectWithinLimits(message);
    expectNothingAlive(message);
  }
});
