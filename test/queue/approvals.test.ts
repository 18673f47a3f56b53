import { expect, test, vi } from 'vitest';
import { Refusal } from '../../src/errors.ts';
import { Approvals } from '../../src/queue/approvals.ts';

test('an answer by rules that are not in force any more is no answer', async () => {
  const asked: PromiseWithResolvers<Refusal>[] = [];
  const approvals = new Approvals(
    () => {
      const question = Promise.withResolvers<Refusal>();
      asked.push(question);
      return question.promise;
    },
    () => {},
  );
  const [before, after] = [new Refusal('not-allowed', 'before'), new Refusal('not-allowed', 'after')];
  approvals.verdictOn('r-1');
  approvals.forget();
  // The old rules answer late; the new ones are asked all the same.
  asked[0]?.resolve(before);
  await asked[0]?.promise;
  expect(approvals.verdictOn('r-1')).toBe('asking');
  expect(asked).toHaveLength(2);
  asked[1]?.resolve(after);
  await vi.waitFor(() => expect(approvals.verdictOn('r-1')).toBe(after));
  approvals.forget();
  expect(approvals.verdictOn('r-1')).toBe('asking');
});
