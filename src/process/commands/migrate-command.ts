import { existsSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { ConfigError } from '../../errors.ts';

const USAGE =
  'migrate: expected sqlite-to-postgres FILE or undo FILE, with the server in BATCHOPS_DATABASE_URL, or behind FILE as postgres://USER@HOST/DATABASE';

interface Ends {
  readonly from: string;
  readonly to: string;
}

interface Moved extends Ends {
  readonly head: string;
  readonly faults: readonly string[];
}

export interface Mover {
  move(file: string, url: string, tell: (line: string) => void): Promise<Moved>;
  undo(file: string, url: string): Promise<Ends>;
  /** Of a database: where what belongs to it lies in files. */
  folderOf(url: string): string;
}

/**
 * `npm run migrate -- sqlite-to-postgres FILE | undo FILE`. `known`: the database that the settings name. Resolves with
 * the exit code: 1 where it was moved, and its audit has faults as it had before.
 */
export async function runMigrateCommand(
  words: readonly string[],
  mover: Mover,
  { out, known }: { readonly out: Writable; readonly known: () => string },
): Promise<number> {
  const [word, file, typed, ...rest] = words;
  if ((word !== 'sqlite-to-postgres' && word !== 'undo') || file === undefined || rest.length > 0) {
    throw new ConfigError([USAGE]);
  }
  const url = typed ?? known();
  checkServer(url, typed !== undefined);
  const tell = (line: string): void => void out.write(`${line}\n`);
  if (word === 'undo') {
    const { from, to } = await mover.undo(file, url);
    tell(`${from} is in use again: name it in BATCHOPS_DATABASE_URL, and start the bot`);
    tell(`${to} still holds what was moved; no bot starts on it: drop it, or move the file there once more`);
    return 0;
  }
  const { from, to, head, faults } = await mover.move(file, url, tell);
  tell(`moved: ${to} has all of it, and an entry in its audit that says so; head ${head}`);
  tell('now name it in BATCHOPS_DATABASE_URL, and start the bot');
  const [spool, wanted] = [`${mover.folderOf(`file:${from}`)}/spool`, `${mover.folderOf(url)}/spool`];
  if (spool !== wanted && existsSync(spool))
    tell(`long output is looked for in ${wanted} then: move ${spool} there first`);
  tell('transfers, known_hosts, .env and both .ini files are as they were: another machine needs them too');
  tell(`once it works, remove ${from}: words with a secret may be in it`);
  return faults.length > 0 ? 1 : 0;
}

/** What stands on a command line everybody on the machine can read. */
function checkServer(url: string, isTyped: boolean): void {
  if (!/^postgres(ql)?:/i.test(url)) throw new ConfigError([USAGE]);
  if (isTyped && URL.parse(url)?.password !== '') {
    throw new ConfigError([
      'migrate: everybody on this machine can read a password on a command line: give the address in BATCHOPS_DATABASE_URL, or its _FILE',
    ]);
  }
}
