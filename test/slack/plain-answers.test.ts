import { describe, expect, test } from 'vitest';
import { formatErrors } from '../../src/report/click-answers.ts';
import { formatRuns, formatShow } from '../../src/report/history.ts';
import { formatShowHost } from '../../src/thread/reply/reply.ts';
import { sampleJob, sampleOutcome, sampleRun, streamOf } from '../report/samples.ts';
import { ANN, OPS, openDoorRig, SECRET } from './rig.ts';

const run = sampleRun();
const said = `<!channel> & ${'x'.repeat(3_000)} the end`;
const failed = sampleOutcome({ kind: 'failed', exitCode: 2, stderr: streamOf(said) });
const answers = {
  '/batch show RUN': [
    formatShow(run, [sampleJob(failed, 'web01')], 0),
    /r-7k3f[\s\S]*web01/,
    run.plan.requester.userId,
  ],
  '/batch show RUN HOST': [
    formatShowHost(run, sampleJob(failed, 'web01')),
    /web01[\s\S]*&lt;!channel&gt; &amp; x/,
    'the end',
  ],
  'Only errors': [
    formatErrors(
      run,
      Array.from({ length: 5 }, (_, n) => ({ hosts: [`web0${n}`], outcome: failed }) as const),
    ),
    /web00[\s\S]*web04/,
    'the end',
  ],
  '/batch runs': [formatRuns([run], 0), /1 run[\s\S]*r-7k3f/, run.plan.requester.userId],
} as const;

describe.concurrent.each(Object.entries(answers))(
  '%s, where Slack refuses its blocks',
  (_what, [answer, whole, more]) => {
    test.each([
      ['by the response_url, and below it', OPS],
      ['also directly, where the bot may not speak', SECRET],
    ])('comes as bare text with all that was in it: %s', async (_how, channel) => {
      await using rig = await openDoorRig();
      const refuse = (method: string) =>
        rig.slack.order({ method, kind: 'error', error: 'invalid_blocks', times: 1 });
      const orders = [refuse('response_url')];
      if (channel === OPS) orders.push(refuse('chat.postEphemeral'));
      else {
        orders.push(refuse('chat.postMessage'));
        // Slack takes no answer by the address any more.
        rig.slack.order({ method: 'response_url', kind: 'error', error: 'used_url', times: 1 });
      }
      rig.desk.answer = async () => answer;
      const outcome = await rig.slack.command({ user: ANN, channel, command: '/batch', text: 'show r-7k3f' });
      const text = await rig.slack.waitFor(() => {
        const found =
          channel === OPS
            ? outcome.answers()[0]
            : rig.slack.calls.findLast(
                ({ method, error }) => method === 'chat.postMessage' && error === undefined,
              );
        return found !== undefined && JSON.stringify(found);
      });
      expect(orders.map(({ struck }) => struck)).toEqual([1, 1]);
      if (channel !== OPS) return;
      const shown = outcome.answers()[0];
      expect(shown?.blocks ?? []).toEqual([]);
      expect(shown?.text).toMatch(whole);
      expect(shown?.text).toContain(more);
      expect(text).not.toContain('<!channel>');
      expect(
        rig.log.lines.filter(({ message }) => /refuses the form of an answer/.test(message)),
      ).toHaveLength(1);
    });
  },
);
