import { readdir } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { ADA, AUDIT, ada, BOT, finished, MAIN, makeHome, OPS, openTeamSlack, startBot } from '../rigs/bot.ts';
import { simulatedAddress, startSimulatedHosts } from '../rigs/simulated/simulated-hosts.ts';
import { makeKeyPair } from '../rigs/sshd.ts';

const HOSTS = Number(process.env.FEW_FILES_HOSTS ?? 240);

test('a bot that may open 256 files asks fewer hosts at once, says so, and leaves out none of more hosts than that', {
  timeout: 240_000,
}, async () => {
  const [hostKey, key] = [makeKeyPair(), makeKeyPair()];
  await using slack = await openTeamSlack({
    channels: [
      { id: OPS, name: 'ops', members: [ADA, BOT] },
      { id: AUDIT, name: 'audit', members: [ADA, BOT] },
    ],
  });
  await using hosts = await startSimulatedHosts(hostKey.private);
  const ips = Array.from({ length: HOSTS }, (_, n) => simulatedAddress(n));
  await using home = await makeHome({
    key: `${key.private.trimEnd()}\n`,
    'inventory.ini': `[DEFAULT]\nport = ${hosts.port}\nuser = ada\nkey = key\n${ips.map((ip, n) => `[h${n}]\nip = ${ip}\n`).join('')}`,
    'allowlist.ini': `[all]\nusers = ${ADA}\nchannels = *\nhosts = all\nactions = run\ncommands = *\n`,
  });
  const limited = ['-c', `ulimit -n 256; exec "${process.execPath}" ${MAIN}`];
  await using bot = await startBot(home, slack, {}, { program: '/bin/sh', args: limited });
  expect(bot.output()).toContain('"openFiles":256,"asked":100,"concurrency":32');
  let most = 0;
  const open = setInterval(async () => {
    const files = await readdir(`/proc/${bot.process.pid}/fd`).catch(() => []);
    most = Math.max(most, files.length);
  }, 50);
  await slack.command(ada(`-h all -c 100 -cmd "sleep 0"`));
  const root = await finished(slack);
  clearInterval(open);
  expect(root.text).toContain(`${HOSTS} ok of ${HOSTS}`);
  expect(JSON.stringify(root.blocks)).toContain(
    'at most 32 at once instead of 100, as the bot may open only 256 files',
  );
  expect(hosts.ended).toHaveLength(HOSTS);
  // Connections are kept: with all of them it would have come to that.
  expect(most).toBeGreaterThan(64);
  expect(most).toBeLessThan(256);
  expect(bot.output()).not.toMatch(/EMFILE|too many open/);
});
