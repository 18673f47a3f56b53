import { writeFile } from 'node:fs/promises';
import { type Bot, EVERYTHING, inventoryOf, makeHome, startBot } from './bot.ts';
import { HOSTS, type OneServer, openOneServer } from './one-server.ts';

/** Some bots on one server. */
export interface Replicas extends OneServer, AsyncDisposable {
  readonly bots: readonly Bot[];
  /** One more, on the same database. */
  start(): Promise<Bot>;
}

export async function openReplicas(
  count: number,
  env: Readonly<Record<string, string>> = {},
): Promise<Replicas> {
  const stack = new AsyncDisposableStack();
  const shared = await openOneServer(stack);
  const { slack, sshd, url } = shared;
  const start = async (): Promise<Bot> => {
    const home = stack.use(await makeHome({ key: `${sshd.key.private.trimEnd()}\n` }));
    await writeFile(home.path('inventory.ini'), inventoryOf(sshd, HOSTS, home.path('key')));
    await writeFile(home.path('allowlist.ini'), EVERYTHING);
    return stack.use(await startBot(home, slack, { BATCHOPS_DATABASE_URL: url, ...env }));
  };
  const bots: Bot[] = [];
  for (let n = 0; n < count; n++) bots.push(await start());
  return { ...shared, bots, start, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}
