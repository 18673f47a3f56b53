import { writeFile } from 'node:fs/promises';
import { expect } from 'vitest';
import { type Bot, EVERYTHING, type Home, inventoryOf, makeHome, spawnBot, startBot } from './bot.ts';
import { HOSTS, type OneServer, openOneServer } from './one-server.ts';

/** One bot part without any secret of a host, workers without any token of Slack, and what both share. */
export interface Roles extends OneServer, AsyncDisposable {
  readonly bot: Bot;
  readonly botHome: Home;
  startWorker(wish?: { readonly url?: string; readonly inventory?: (text: string) => string }): Promise<Bot>;
}

const RULES = `${EVERYTHING.replace('run, put, get', 'run, put, get, trust')}`;

export async function openRoles(env: Readonly<Record<string, string>> = {}): Promise<Roles> {
  const stack = new AsyncDisposableStack();
  const shared = await openOneServer(stack);
  const { slack, sshd, url } = shared;
  const botHome = stack.use(await makeHome({ 'allowlist.ini': RULES }));
  // Names a key, and a variable, that are not there.
  const inventory = inventoryOf(sshd, HOSTS, '/nowhere/key').replace(
    'user =',
    'sudo_password = env:NOT_HERE\nuser =',
  );
  await writeFile(botHome.path('inventory.ini'), inventory);
  const bot = stack.use(
    await startBot(botHome, slack, { BATCHOPS_DATABASE_URL: url, BATCHOPS_ROLE: 'bot', ...env }),
  );
  return {
    ...shared,
    bot,
    botHome,
    async startWorker({ url: way = url, inventory: change = (text: string) => text } = {}) {
      const home = stack.use(
        await makeHome({ key: `${sshd.key.private.trimEnd()}\n`, 'allowlist.ini': RULES }),
      );
      await writeFile(home.path('inventory.ini'), change(inventoryOf(sshd, HOSTS, home.path('key'))));
      const worker = stack.use(
        spawnBot(home, slack, {
          SLACK_BOT_TOKEN: '',
          SLACK_APP_TOKEN: '',
          SLACK_API_URL: 'http://127.0.0.1:9/',
          BATCHOPS_DATABASE_URL: way,
          BATCHOPS_ROLE: 'worker',
          // What both see: files to send, and what was fetched.
          BATCHOPS_TRANSFER_DIR: botHome.path('data/transfers'),
          ...env,
        }),
      );
      await expect
        .poll(() => worker.output() + String(worker.process.exitCode ?? ''), {
          timeout: 30_000,
          interval: 50,
        })
        .toMatch(/Batchops is ready|^.*\d$/s);
      expect(worker.process.exitCode, worker.output()).toBeNull();
      return worker;
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}
