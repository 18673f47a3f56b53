import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface BotProcess extends AsyncDisposable {
  /** How it ended, in words; pending while it runs. */
  readonly ended: Promise<string>;
  /** The last of what it logged. */
  lastLines(): readonly string[];
  /** At once, and without a word: as `kill -9`. */
  kill(): void;
}

export interface BotProcessOptions {
  readonly env: Readonly<Record<string, string>>;
  /** Without a `.env`, which the bot would read. */
  readonly cwd: string;
  readonly onLine?: (line: string) => void;
}

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));
const KEPT_LINES = 20;
/** The bot ends what it runs and says its last words; in a sandbox nobody waits longer for it. */
const STOP_MS = 4_000;

/** The real bot, as `npm start` runs it, with nothing of our own environment but what finds programs. */
export function startBot(options: BotProcessOptions): BotProcess {
  const lines: string[] = [];
  const child = spawn(process.execPath, [MAIN], {
    cwd: options.cwd,
    env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', ...options.env },
    // By the channel it notices when we are gone, however we went.
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    // A group of its own: Ctrl-C is for us, and we stop it in order.
    detached: true,
  });
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue;
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      if (lines.length > KEPT_LINES) lines.shift();
      options.onLine?.(line);
    });
  }
  const ended = describeEnd(child);
  return {
    ended,
    lastLines: () => lines,
    kill: () => void child.kill('SIGKILL'),
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
      await ended;
      clearTimeout(timer);
    },
  };
}

async function describeEnd(child: ChildProcess): Promise<string> {
  try {
    // 'close' comes after the last of its output.
    const [code, signal] = await once(child, 'close');
    return signal === null ? `exit code ${code}` : `signal ${signal}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
