import { expect, test } from 'vitest';
import { isDirectMessage } from '../../src/slack/listeners/direct-message.ts';

test.each([
  ['D0ANNBOT1', 'directmessage', true],
  ['D0ANNBOT1', undefined, true],
  ['C0OPS0001', undefined, false],
  ['G0GROUP01', 'mpdm-ann--bob--cleo-1', true],
  ['C0GROUP01', 'mpdm-ann--bob--cleo-1', true],
  ['C0OPS0001', 'ops', false],
  ['C0SECRET1', 'privategroup', false],
  ['G0SECRET1', 'privategroup', false],
])('%s, called %s, is between people and no channel: %s', (id, name, isDirect) => {
  expect(isDirectMessage(id, name)).toBe(isDirect);
});
