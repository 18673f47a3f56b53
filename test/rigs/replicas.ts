import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import type { LocalSlack } from '../../src/sandbox/slack/local-slack.ts';
import { type Bot, EVERYTHING, type Home, inventoryOf, makeHome, openTeamSlack, startBot } from './bot.ts';
import { type PostgresServer, startPostgres } from './postgres.ts';
import { type Sshd, startSshd } from './sshd.ts';

/** As many as one sshd listens on. */
export const HOSTS = Array.from({ length: 15 }, (_, n) => `127.0.2.${n + 1}`);

/** Some bots on one PostgreSQL, a strict Slack, and hosts that keep a line of each command that began there. */
export interface Replicas extends AsyncDisposable {
  readonly slack: LocalSlack;
  readonly sshd: Sshd;
  readonly server: PostgresServer;
  readonly url: string;
  readonly bots: readonly Bot[];
  /** The command that writes such a line, then does the rest. */
  note(rest: string): string;
  /** Host → how often a command began there. */
  begun(): Readonly<Record<string, number>>;
  /** One more, on the same database. */
  start(): Promise<Bot>;
}

export async function openReplicas(
  count: number,
  env: Readonly<Record<string, string>> = {},
): Promise<Replicas> {
  const stack = new AsyncDisposableStack();
  const server = stack.use(await startPostgres());
  const url = await server.createDatabase();
  const slack = stack.use(await openTeamSlack());
  const sshd = stack.use(await startSshd({ addresses: HOSTS }));
  const homes: Home[] = [];
  const start = async (): Promise<Bot> => {
    const home = stack.use(await makeHome({ key: `${sshd.key.private.trimEnd()}\n` }));
    homes.push(home);
    await writeFile(home.path('inventory.ini'), inventoryOf(sshd, HOSTS, home.path('key')));
    await writeFile(home.path('allowlist.ini'), EVERYTHING);
    return stack.use(await startBot(home, slack, { BATCHOPS_DATABASE_URL: url, ...env }));
  };
  const bots: Bot[] = [];
  for (let n = 0; n < count; n++) bots.push(await start());
  const notes = `${sshd.folder}/begun`;
  await writeFile(notes, '', { mode: 0o666 });
  return {
    slack,
    sshd,
    server,
    url,
    bots,
    note: (rest) => `echo "$SSH_CONNECTION" | cut -d" " -f3 >> ${notes}; ${rest}`,
    begun() {
      const counts: Record<string, number> = {};
      for (const host of readFileSync(notes, 'utf8').trim().split('\n')) {
        if (host !== '') counts[host] = (counts[host] ?? 0) + 1;
      }
      return counts;
    },
    start,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}
