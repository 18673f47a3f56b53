import type { Writable } from 'node:stream';
import { ConfigError } from '../../errors.ts';

interface Backup {
  readonly path: string;
  readonly bytes: number;
  readonly runs: number;
  readonly head: string;
  readonly held: number;
}

/** `npm run backup -- FILE`. Works beside a running bot. What could not be written is a `ConfigError`. */
export async function runBackupCommand(
  words: readonly string[],
  backUp: (file: string) => Promise<Backup>,
  out: Writable,
): Promise<void> {
  const [file, ...rest] = words;
  if (file === undefined || file === '' || file.startsWith('-') || rest.length > 0) {
    throw new ConfigError(['backup: expected one FILE to write the copy to, such as backup.db']);
  }
  const { path, bytes, runs, head, held } = await backUp(file);
  out.write(
    `${path}: ${bytes} bytes, ${runs} runs, audit head ${head}; checked, readable by its owner only\n` +
      `${held} jobs were waiting: in the copy they are held, and a person lets them go\n` +
      'Only the database is in it: known_hosts, the transfer folder, spool/, .env and both .ini files are not\n',
  );
}
