import { randomBytes } from 'node:crypto';

/**
 * What goes before a command on a POSIX shell: it says which process it is, and takes nothing from a keyboard
 * that is not there. The command follows on the same line, exactly as typed, in the same shell: exit code,
 * `$0`, quoting and line numbers are what they would be without it.
 *
 * sshd makes the shell the leader of a session and group of its own (no PTY), so this one number is enough to
 * stop all that the command started, unless it took itself out of the group.
 */
export interface PosixCommand {
  readonly text: string;
  /** Takes our line out of stderr again. */
  readonly filter: LeaderFilter;
}

export function wrapCommand(command: string): PosixCommand {
  const mark = `batchops-${randomBytes(9).toString('hex')}-`;
  const prefix = `echo ${mark}$$ >&2;exec </dev/null; `;
  return { text: prefix + command, filter: new LeaderFilter(mark, prefix) };
}

/** A shell's start-up files may speak first; after this much the line is not waited for any longer. */
const MAX_HELD_BYTES = 64 * 1024;

/** Finds the line with the process number in stderr, and lets everything else through. */
export class LeaderFilter {
  readonly #mark: string;
  readonly #prefix: string;
  /** Null once the line was found, or is not waited for any longer. */
  #held: Buffer | null = Buffer.alloc(0);
  #leader: number | undefined;

  constructor(mark: string, prefix: string) {
    this.#mark = mark;
    this.#prefix = prefix;
  }

  /** The number of the shell, and of its process group; undefined while it has not been said. */
  get leader(): number | undefined {
    return this.#leader;
  }

  push(chunk: Buffer): Buffer {
    if (this.#held === null) return chunk;
    const held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const start = held.indexOf(this.#mark);
    const end = start < 0 ? -1 : held.indexOf('\n', start);
    const digits = end < 0 ? '' : held.toString('latin1', start + this.#mark.length, end);
    if (/^[1-9]\d*$/.test(digits)) {
      this.#leader = Number(digits);
      this.#held = null;
      return Buffer.concat([held.subarray(0, start), held.subarray(end + 1)]);
    }
    if (held.length <= MAX_HELD_BYTES) {
      this.#held = held;
      return Buffer.alloc(0);
    }
    return this.#giveUp(held);
  }

  /** What is still held back: the line never came. */
  end(): Buffer {
    return this.#held === null ? Buffer.alloc(0) : this.#giveUp(this.#held);
  }

  #giveUp(held: Buffer): Buffer {
    this.#held = null;
    // bash shows the line that it cannot parse, with what we put before it.
    const at = held.indexOf(this.#prefix);
    return at < 0 ? held : Buffer.concat([held.subarray(0, at), held.subarray(at + this.#prefix.length)]);
  }
}

/**
 * A script for a second channel: asks the whole group to end, then ends it, and says `gone` or `left`. `gone`
 * is said only where the kernel knows no such group any more, or has only its dead left to be collected.
 */
export function stopScript(leader: number, graceMs: number): string {
  const steps = Math.max(1, Math.ceil(graceMs / 100));
  return [
    `p=${leader}`,
    'LC_ALL=C; export LC_ALL',
    'send() { kill -s $1 -- -$p 2>/dev/null || kill -s $1 $p 2>/dev/null; }',
    'alive() { [ -r /proc/self/stat ] || return 0; for f in /proc/[0-9]*/stat; do',
    // What follows the name in parentheses: state, parent, process group (proc(5)).
    `{ read -r l <"$f"; } 2>/dev/null || continue; l=\${l##*) }; set -- $l;`,
    '[ "$3" = $p ] && [ "$1" != Z ] && [ "$1" != X ] && return 0; done; return 1; }',
    'left() { if m=$(kill -s 0 -- -$p 2>&1); then alive; return; fi',
    'case $m in *[Nn]"o such process"*) return 1;; esac; return 0; }',
    'wait_gone() { n=0; while left; do [ $n -ge $1 ] && return 1;',
    'sleep 0.1 2>/dev/null || { sleep 1; n=$((n+9)); }; n=$((n+1)); done; return 0; }',
    `send TERM; wait_gone ${steps} || { send KILL; wait_gone 20; }`,
    'if left; then echo left; else echo gone; fi',
  ].join('\n');
}
