import { spawn } from 'node:child_process';
import { dirname, resolve } from 'node:path';
import { ConfigError, showCode } from '../../errors.ts';
import { decodeText, NotText } from '../../inventory/text.ts';
import { findInventorySources } from './inventory-sources.ts';

export interface ScriptLimits {
  readonly timeMs: number;
  readonly maxBytes: number;
}

const DEFAULT_LIMITS: ScriptLimits = { timeMs: 30_000, maxBytes: 32 * 1024 * 1024 };

/** What a program may know of us. Tokens and passwords are in the rest. */
const PASSED_ON = ['PATH', 'HOME', 'USER', 'LOGNAME', 'LANG', 'LC_ALL', 'LC_CTYPE', 'TZ', 'TMPDIR'];

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The programs of `BATCHOPS_INVENTORY`, and what they printed last. They are run when the inventory is to be read, and
 * never by a command: what is asked for in between is the last good output.
 */
export class InventoryScripts {
  readonly #paths: readonly string[];
  readonly #env: Environment;
  readonly #limits: ScriptLimits;
  readonly #outputs = new Map<string, string>();

  constructor(paths: readonly string[], env: Environment, limits: Partial<ScriptLimits> = {}) {
    this.#paths = paths;
    this.#env = Object.fromEntries(
      PASSED_ON.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])),
    );
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
  }

  /** Runs all of them; a `ConfigError` where one fails, and then all that was printed before stays. */
  async run(signal?: AbortSignal): Promise<{ readonly hasChanged: boolean }> {
    const scripts = findInventorySources(this.#paths).filter(({ kind }) => kind === 'script');
    const printed = await Promise.allSettled(scripts.map(({ path }) => this.#runOne(path, signal)));
    const problems = printed.flatMap((one) => {
      if (one.status === 'fulfilled') return [];
      if (one.reason instanceof ConfigError) return one.reason.problems;
      throw one.reason;
    });
    if (problems.length > 0) throw new ConfigError(problems);
    let hasChanged = false;
    for (const [i, one] of printed.entries()) {
      const path = scripts[i]?.path ?? '';
      if (one.status !== 'fulfilled' || this.#outputs.get(path) === one.value) continue;
      this.#outputs.set(path, one.value);
      hasChanged = true;
    }
    return { hasChanged };
  }

  /** A `ConfigError` where it has not been run yet. */
  outputOf(path: string): string {
    const output = this.#outputs.get(path);
    if (output === undefined) throw new ConfigError([`${path}: it has not been run yet`]);
    return output;
  }

  /** No shell, a process group of its own, nothing to read; what it writes besides is not looked at, as it may hold secrets. */
  #runOne(path: string, signal: AbortSignal | undefined): Promise<string> {
    const { timeMs, maxBytes } = this.#limits;
    const whole = resolve(path);
    return new Promise((done, fail) => {
      const child = spawn(whole, ['--list'], {
        cwd: dirname(whole),
        env: this.#env,
        stdio: ['ignore', 'pipe', 'ignore'],
        detached: true,
      });
      const chunks: Buffer[] = [];
      let bytes = 0;
      const end = (result: { readonly text: string } | { readonly problem: string }): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        // Its children too, also where it is gone itself.
        killGroup(child.pid);
        child.stdout.destroy();
        if ('text' in result) done(result.text);
        else fail(new ConfigError([`${path}: ${result.problem}`]));
      };
      const timer = setTimeout(() => end({ problem: `it was not done after ${timeMs / 1_000} s` }), timeMs);
      const onAbort = () => end({ problem: 'the bot is stopping' });
      signal?.addEventListener('abort', onAbort);
      if (signal?.aborted === true) onAbort();
      child.once('error', (error) => end({ problem: `it cannot be run (${showCode(error)})` }));
      child.stdout.on('error', () => {});
      child.stdout.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes <= maxBytes) chunks.push(chunk);
        else end({ problem: `it printed more than ${maxBytes / 1024 / 1024} MiB` });
      });
      child.once('close', (code, killedBy) => {
        if (code !== 0) {
          return end({
            problem: `it ended with ${code === null ? killedBy : `exit code ${code}`}; run it by hand to see why: ${path} --list`,
          });
        }
        try {
          end({ text: decodeText(Buffer.concat(chunks)) });
        } catch (error) {
          if (!(error instanceof NotText)) throw error;
          end({ problem: `what it printed ${error.message}` });
        }
      });
    });
  }
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // All of them are gone.
  }
}
