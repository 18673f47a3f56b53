import { hasAuditChannel, readDatabaseUrl } from './config/config.ts';
import { ConfigError } from './errors.ts';
import { runAuditCommand } from './process/commands/audit-command.ts';
import { runBackupCommand } from './process/commands/backup-command.ts';
import { runMigrateCommand } from './process/commands/migrate-command.ts';
import { nameOfUser, runOutboxCommand } from './process/commands/outbox-command.ts';
import { runCheckConfig } from './process/files/check-config.ts';
import { readDotenvFile } from './process/files/dotenv-file.ts';
import { LINGER_MS } from './process/shutdown.ts';
import { openHostKeys } from './ssh/host-keys/host-keys.ts';
import { openAuditTrail } from './store/audit/trail.ts';
import { backUp } from './store/backup.ts';
import { databaseFolder } from './store/database-url.ts';
import { openOutboxDesk } from './store/outbox/administer.ts';
import { serve } from './wiring/serve.ts';
import { KEYS } from './wiring/setup.ts';

/** `EX_CONFIG` of sysexits.h: a supervisor need not try again before somebody has mended the settings. */
const EXIT_CONFIG = 78;

// Whoever reads us may go at any time; without a listener that is an uncaught exception.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

const [command, ...words] = process.argv.slice(2);
try {
  readDotenvFile(process.env);
  if (command === undefined) await serve({ env: process.env, exit });
  else if (command === 'audit') {
    const openTrail = () => openAuditTrail(readDatabaseUrl(process.env));
    process.exitCode = await runAuditCommand(words, openTrail, { out: process.stdout, complain });
  } else if (command === 'backup') {
    const copy = (file: string) => backUp(readDatabaseUrl(process.env), file, Date.now);
    await runBackupCommand(words, copy, process.stdout);
  } else if (command === 'outbox') {
    const auditLines = hasAuditChannel(process.env) ? 'channel' : 'nobody';
    const desk = openOutboxDesk({ databaseUrl: readDatabaseUrl(process.env), auditLines, now: Date.now });
    const by = nameOfUser(process.env.SUDO_USER);
    process.exitCode = await runOutboxCommand(words, desk, { out: process.stdout, by });
  } else if (command === 'migrate') {
    // With what a server needs.
    const { moveToServer, undoMove } = await import('./store/move/move.ts');
    const by = nameOfUser(process.env.SUDO_USER);
    const auditLines = hasAuditChannel(process.env) ? 'channel' : 'nobody';
    const mover = {
      move: (file: string, url: string, tell: (line: string) => void) =>
        moveToServer({ file, url, by, auditLines, now: Date.now, tell }),
      undo: (file: string, url: string) => undoMove({ file, url }),
      folderOf: databaseFolder,
    };
    const known = () => readDatabaseUrl(process.env);
    process.exitCode = await runMigrateCommand(words, mover, { out: process.stdout, known });
  } else if (command === 'check-config') {
    const readKnownHosts = (path: string) => openHostKeys(path, 'strict', async () => {});
    const check = { env: process.env, keys: KEYS, readKnownHosts };
    if (!(await runCheckConfig(check, process.stdout))) process.exitCode = EXIT_CONFIG;
  } else
    throw new ConfigError([
      `"${command}": expected nothing, check-config, audit verify, audit export, backup FILE, outbox list, outbox retry, migrate sqlite-to-postgres FILE or migrate undo FILE`,
    ]);
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  error.problems.forEach(complain);
  process.exitCode = EXIT_CONFIG;
} finally {
  setTimeout(() => process.exit(), LINGER_MS).unref();
}

function exit(code?: number): void {
  process.exit(code);
}

function complain(problem: string): void {
  process.stderr.write(`batchops: ${problem}\n`);
}
