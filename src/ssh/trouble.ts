import type { OutcomeKind } from '../run/outcome.ts';

/**
 * Why a job ended before its command was sent, or a copy before its file was in place. Thrown within this
 * folder only: `execute` makes an outcome of it.
 */
export class Trouble extends Error {
  override readonly name = 'Trouble';
  readonly kind: OutcomeKind;
  /** A connection fell over before anything was asked of it: another one may stand. */
  readonly isPassing: boolean;
  /** Nothing was asked yet: on a connection that was kept, its age may be all that is wrong. */
  readonly mayBeStale: boolean;

  constructor(kind: OutcomeKind, reason: string, more: { isPassing?: boolean; mayBeStale?: boolean } = {}) {
    super(reason);
    this.kind = kind;
    this.isPassing = more.isPassing ?? false;
    this.mayBeStale = more.mayBeStale ?? kind === 'unreachable';
  }

  /** The same trouble, and what it left behind. */
  andLeft(left: readonly string[]): Trouble {
    if (left.length === 0) return this;
    const { kind, isPassing, mayBeStale } = this;
    return new Trouble(kind, [this.message, ...left].join('; '), { isPassing, mayBeStale });
  }

  /** The same trouble, said of the host on the way. */
  onTheWay(jump: string): Trouble {
    return new Trouble(this.kind, `jump host ${jump}: ${this.message}`, { isPassing: this.isPassing });
  }
}

/** What stopped a job from outside, as its abort signal has it. */
export function stopTrouble(signal: AbortSignal, when: string): Trouble {
  return stopKind(signal) === 'interrupted'
    ? new Trouble('interrupted', `the bot stopped ${when}`)
    : new Trouble('cancelled', `cancelled ${when}`);
}

export function stopKind(signal: AbortSignal): 'cancelled' | 'interrupted' {
  const reason: unknown = signal.reason;
  const text = reason instanceof Error ? reason.message : String(reason);
  return text.includes('interrupted') ? 'interrupted' : 'cancelled';
}

export function codeOf(error: unknown): string | number | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' || typeof error.code === 'number' ? error.code : undefined;
}

export function levelOf(error: Error): string | undefined {
  return 'level' in error && typeof error.level === 'string' ? error.level : undefined;
}

/** The first line of what an error says: never a stack, never a page. */
export function wordsOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const [line = ''] = text.split('\n');
  return line.length > 200 ? `${line.slice(0, 200)}…` : line;
}

/** Why no TCP connection came about. None of these is tried again: the answer is there, and quick. */
export function refusedDial(error: unknown, address: string): Trouble {
  switch (codeOf(error)) {
    case 'ECONNREFUSED':
      return new Trouble('unreachable', `connection refused by ${address}`);
    case 'ENOTFOUND':
      return new Trouble('unreachable', `no address is known for the name in ${address}`);
    case 'EAI_AGAIN':
      return new Trouble('unreachable', `the name in ${address} cannot be looked up just now`, {
        isPassing: true,
      });
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return new Trouble('unreachable', `there is no route to ${address}`);
    case 'ETIMEDOUT':
      return new Trouble('unreachable', `no answer from ${address}`);
    case 'ECONNRESET':
      return new Trouble('unreachable', `${address} hung up at once`, { isPassing: true });
    case 'EMFILE':
    case 'ENFILE':
      return new Trouble('unreachable', 'the bot has too many open connections; raise `ulimit -n`', {
        isPassing: true,
      });
    default:
      return new Trouble('unreachable', `no connection to ${address}: ${wordsOf(error)}`);
  }
}

/** Why a TCP connection did not become an SSH session. `wasAsked`: a key or a password was already offered. */
export function brokenHandshake(error: unknown, address: string, wasAsked: boolean): Trouble {
  const words = wordsOf(error);
  // A full MaxStartups, a penalty or a proxy looks like this; a moment later it may not.
  const isPassing = !wasAsked;
  if (words === 'Connection lost before handshake' || codeOf(error) === 'ECONNRESET') {
    return new Trouble('unreachable', `${address} hung up before the login`, { isPassing });
  }
  if (/no matching/i.test(words)) {
    return new Trouble('unreachable', `${address} and the bot have no algorithm in common: ${words}`);
  }
  return new Trouble('unreachable', `no SSH session with ${address}: ${words}`);
}
