import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import type { LocalSlack } from '../../src/sandbox/slack/local-slack.ts';
import { openTeamSlack } from './bot.ts';
import { type PostgresServer, startPostgres } from './postgres.ts';
import { type Sshd, startSshd } from './sshd.ts';

/** As many as one sshd listens on. */
export const HOSTS = Array.from({ length: 15 }, (_, n) => `127.0.2.${n + 1}`);

/** What several processes have in common: a PostgreSQL, a strict Slack, and hosts that keep a line of each command that began there. */
export interface OneServer {
  readonly slack: LocalSlack;
  readonly sshd: Sshd;
  readonly server: PostgresServer;
  readonly url: string;
  /** The command that writes such a line, then does the rest. */
  note(rest: string): string;
  /** Host → how often a command began there. */
  begun(): Readonly<Record<string, number>>;
}

/** It goes with what was opened. */
export async function openOneServer(opened: AsyncDisposableStack): Promise<OneServer> {
  const server = opened.use(await startPostgres());
  const url = await server.createDatabase();
  const slack = opened.use(await openTeamSlack());
  const sshd = opened.use(await startSshd({ addresses: HOSTS }));
  const notes = `${sshd.folder}/begun`;
  await writeFile(notes, '', { mode: 0o666 });
  return {
    slack,
    sshd,
    server,
    url,
    note: (rest) => `echo "$SSH_CONNECTION" | cut -d" " -f3 >> ${notes}; ${rest}`,
    begun() {
      const counts: Record<string, number> = {};
      for (const host of readFileSync(notes, 'utf8').trim().split('\n')) {
        if (host !== '') counts[host] = (counts[host] ?? 0) + 1;
      }
      return counts;
    },
  };
}
