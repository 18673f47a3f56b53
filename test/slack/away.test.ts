import { expect, test, vi } from 'vitest';
import { shown } from '../rigs/bot.ts';
import { ANN, OPS, openDoorRig } from './rig.ts';

const asked = { user: ANN, channel: OPS, command: '/batch_run', text: '-g web -cmd "df -h"' };

test.each([
  [
    'away',
    /^Batchops cannot do this now: its database does not answer\. The log has it under d-\w+\./,
    'warn',
  ],
  ['a bug', /^Something went wrong inside Batchops\. The log has it under d-\w+\./, 'error'],
])(
  'where a request fails for %s, its person is told whose fault it is, and not that nothing was run',
  async (why, words, level) => {
    await using rig = await openDoorRig();
    vi.spyOn(rig.desk, 'command').mockRejectedValue(new Error(why));
    const outcome = await rig.slack.command(asked);
    await rig.slack.waitFor(() => outcome.answers().length > 0);
    const said = outcome.answers().map(shown).join('\n');
    expect(said).toMatch(words);
    expect(said).toMatch(/look there before you send it again/);
    expect(said).not.toMatch(/Nothing was run/);
    expect(rig.log.lines.filter((line) => line.level === level)).toHaveLength(1);
  },
);
