import { expect, test } from 'vitest';
import { CLEO, OPS, openDeskRig } from '../requests/rig.ts';

/** Cleo's only rule is for web01; web02, db01 and the group [db] are none of hers. */
test('who has rights on one host is told of no other in lists, and by no near name', async () => {
  await using rig = await openDeskRig();
  const ask = async (command: string, text: string): Promise<string> => {
    const call = { command, text, requester: CLEO, channelId: OPS, requestKey: `${command} ${text}` };
    return JSON.stringify(await rig.desk.command(call));
  };
  const others = /web02|db01|10\.0\.0\.[23]|root@10\.0\.0\.[23]/;
  for (const terms of ['', ' all', ' @web', ' @mixed', ' web*']) {
    const hosts = await ask('/batch', `hosts${terms}`);
    expect(hosts).toContain('web01');
    expect(hosts).not.toMatch(others);
    expect(await ask('/batch', `can${terms}`)).not.toMatch(others);
  }
  // One that exists and one that does not are answered alike.
  const there = await ask('/batch', 'hosts db01');
  expect(there.replaceAll('db01', 'zb01')).toBe(await ask('/batch', 'hosts zb01'));
  expect(await ask('/batch_run', '-h web0 -cmd uptime')).not.toMatch(others);
  expect(await ask('/batch_run', '-h db0 -cmd uptime')).not.toMatch(others);
});
