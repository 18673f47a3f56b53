import { codeOf } from '../errors.ts';
import { shorten } from '../inventory/shorten.ts';
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
  /** It hung up before it greeted us, which a server does that is asked by too many at a time; `told` where it says so. */
  readonly hangUp: 'no' | 'silent' | 'told';
  /** And too many did ask: it says nothing about this host. */
  readonly wasCrowded: boolean;
  /** It is of a host on the way, whom the words name. */
  readonly isOnTheWay: boolean;

  /** `cause` is for the log: a library's words are no reason. */
  constructor(
    kind: OutcomeKind,
    reason: string,
    more: {
      isPassing?: boolean;
      mayBeStale?: boolean;
      hangUp?: 'no' | 'silent' | 'told';
      wasCrowded?: boolean;
      isOnTheWay?: boolean;
      cause?: unknown;
    } = {},
  ) {
    super(reason, more.cause === undefined ? {} : { cause: more.cause });
    this.kind = kind;
    this.isPassing = more.isPassing ?? false;
    this.mayBeStale = more.mayBeStale ?? kind === 'unreachable';
    this.hangUp = more.hangUp ?? 'no';
    this.wasCrowded = more.wasCrowded ?? false;
    this.isOnTheWay = more.isOnTheWay ?? false;
  }

  ofCrowd(): Trouble {
    return new Trouble(this.kind, this.message, { ...this, wasCrowded: true, cause: this.cause });
  }

  /** The same trouble, and what it left behind. */
  andLeft(left: readonly string[]): Trouble {
    if (left.length === 0) return this;
    const { kind, isPassing, mayBeStale, cause } = this;
    return new Trouble(kind, [this.message, ...left].join('; '), { isPassing, mayBeStale, cause });
  }

  /** The same trouble, said of the host on the way; of a chain, of the one that has it. */
  onTheWay(jump: string): Trouble {
    if (this.isOnTheWay) return this;
    const { kind, isPassing, wasCrowded } = this;
    return new Trouble(kind, `jump host ${jump}: ${this.message}`, {
      isPassing,
      wasCrowded,
      isOnTheWay: true,
    });
  }
}

/** The host showed a key that is not the one we trust it by. Nothing secret was sent. */
export class WrongHostKey extends Trouble {
  readonly shownType: string | undefined;
  /** Of the keys that the host has, by its own account; empty where it did not say. */
  readonly offeredTypes: readonly string[];

  constructor(
    address: string,
    fault: string,
    shownType: string | undefined,
    offeredTypes: readonly string[],
  ) {
    const types = offeredTypes.length === 0 ? '' : `; the host has keys of type ${offeredTypes.join(', ')}`;
    super('host-key-failed', `${address}: ${fault}${types}`);
    this.shownType = shownType;
    this.offeredTypes = offeredTypes;
  }
}

/** Sudo wants a terminal around it, and there was none: nothing was started. */
export class NeedsTerminal extends Trouble {
  constructor() {
    super('not-run', 'sudo wants a terminal on this host (requiretty); the command did not begin');
  }
}

/** The host opened a channel and gave no terminal on it: no command was sent. */
export class NoTerminal extends Trouble {
  constructor() {
    super(
      'not-run',
      'sudo wants a terminal on this host (requiretty), and its SSH server gives none; the command did not begin',
    );
  }
}

/** A terminal has no end of input that a command would see. */
export class NoInput extends Trouble {
  constructor() {
    super(
      'not-run',
      'sudo wants a terminal on this host (requiretty), and through one -stdin cannot be given; the command did not begin',
    );
  }
}

export function isNoTerminal(error: unknown): boolean {
  return /pseudo-terminal/.test(wordsOf(error));
}

/** What stopped a job from outside, as its abort signal has it. */
export function stopTrouble(signal: AbortSignal, when: string): Trouble {
  switch (stopKind(signal)) {
    case 'interrupted':
      return new Trouble('interrupted', `the bot stopped ${when}`);
    case 'cut-off':
      return cutOff(when);
    default:
      return new Trouble('cancelled', `cancelled ${when}`);
  }
}

/** Others are about to have the host, or have it. */
export function cutOff(when: string): Trouble {
  return new Trouble('interrupted', `its process was cut off from the database ${when}`);
}

export type StopKind = 'cancelled' | 'interrupted' | 'cut-off';

export function stopKind(signal: AbortSignal): StopKind {
  const reason: unknown = signal.reason;
  const text = reason instanceof Error ? reason.message : String(reason);
  if (text.includes('cut-off')) return 'cut-off';
  return text.includes('interrupted') ? 'interrupted' : 'cancelled';
}

export function levelOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('level' in error)) return undefined;
  return typeof error.level === 'string' ? error.level : undefined;
}

/** The first line of what an error says: never a stack, never a page. */
export function wordsOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const [line = ''] = text.split('\n');
  return shorten(line, 200);
}

/** The process has as many files open as it may, or the machine has. */
export function isOutOfFiles(error: unknown): boolean {
  const code = codeOf(error instanceof Trouble ? error.cause : error);
  return code === 'EMFILE' || code === 'ENFILE';
}

/** Why no TCP connection came about. None of these is tried again: the answer is there, and quick. */
export function refusedDial(error: unknown, address: string): Trouble {
  switch (codeOf(error)) {
    case 'ECONNREFUSED':
      return new Trouble('unreachable', `connection refused by ${address}`);
    case 'ENOTFOUND':
      return new Trouble('unreachable', `no address is known for the name in ${address}`);
    case 'EAI_AGAIN':
      return new Trouble(
        'unreachable',
        `the name in ${address} cannot be looked up just now: no name server answers`,
        {
          isPassing: true,
        },
      );
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return new Trouble('unreachable', `there is no route to ${address}`);
    case 'ETIMEDOUT':
      return new Trouble('unreachable', `no answer from ${address}`);
    case 'ECONNRESET':
      return new Trouble('unreachable', `${address} hung up at once`, { isPassing: true, hangUp: 'silent' });
    case 'EMFILE':
    case 'ENFILE':
      return new Trouble('skipped', 'the bot has as many files open as it may; nothing was sent', {
        cause: error,
      });
    default:
      return new Trouble('unreachable', `no connection to ${address}: ${wordsOf(error)}`);
  }
}

/** What a host had not finished when it ended, or was ended. */
export type Phase = 'its greeting' | 'the key exchange' | 'the login';

/** The library's words for a key exchange without anything in common. */
const NO_MATCH = /no matching (?:[CS]->[CS] )?(.*)$/;

export function isDisagreement(error: unknown): boolean {
  return NO_MATCH.test(wordsOf(error));
}

/** OpenSSH's words for more logins at a time than its `MaxStartups`. */
const TOO_MANY = 'Exceeded MaxStartups';

/**
 * Why a TCP connection did not become an SSH session. `wasAsked`: a key or a password was already offered. `farewell`:
 * what the host said in place of a greeting.
 */
export function brokenHandshake(
  error: unknown,
  address: string,
  phase: Phase,
  wasAsked: boolean,
  farewell = '',
): Trouble {
  // A full MaxStartups, a penalty or a proxy looks like this; a moment later it may not.
  const isPassing = !wasAsked;
  const words = wordsOf(error);
  const missing = NO_MATCH.exec(words)?.[1];
  if (missing !== undefined) {
    return new Trouble('unreachable', `${address} and the bot have no ${missing} in common`);
  }
  if (/identification string|[Hh]eader|greeting lines/.test(words) && !isEnd(error)) {
    return new Trouble('unreachable', `${address} does not speak SSH`);
  }
  if (isEnd(error)) {
    const words = farewell === '' ? '' : `, saying ${quoteHost(farewell)}`;
    return new Trouble('unreachable', `${address} hung up during ${phase}${words}`, {
      isPassing,
      hangUp: isPassing && phase === 'its greeting' ? kindOfHangUp(farewell) : 'no',
    });
  }
  const how = saidOnLeaving(error) ?? 'broke the SSH protocol';
  return new Trouble('unreachable', `${address} ${how} during ${phase}`, { isPassing, cause: error });
}

/** Who gives another reason, such as a penalty (OpenSSH 9.8), does so however few ask at a time. */
function kindOfHangUp(farewell: string): Trouble['hangUp'] {
  if (farewell === TOO_MANY) return 'told';
  return farewell === '' ? 'silent' : 'no';
}

/** Why a session that stood is over, in our words: the library's are about itself. */
export function brokenSession(error: unknown): string {
  if (levelOf(error) === 'client-timeout') return 'the host no longer answered';
  if (isEnd(error)) return 'the connection broke';
  if (/^Host denied/.test(wordsOf(error))) return 'the host showed another key in the middle of the session';
  return `the host ${saidOnLeaving(error) ?? 'broke the SSH protocol'}`;
}

/** Why a channel was not to be had: the host's own words where it gave any, and never the library's. */
export function refusedChannel(error: unknown): string {
  const words = wordsOf(error);
  const said = /^\(SSH\) Channel open failure: (.*)$/.exec(words)?.[1];
  if (said === 'server closed channel unexpectedly') return 'the host closed it as it opened';
  if (said !== undefined)
    return said === '' ? 'the host refused it' : `the host refused it, saying ${quoteHost(said)}`;
  if (/^Unable to (exec|start subsystem)/.test(words)) return 'the host refused what was asked of it';
  if (/SFTP session/.test(words)) return 'the host ended the SFTP session as it began';
  return 'the connection is closed';
}

/** The session stands, and no command gets through it. Nothing was sent: a kept connection may just be too old. */
export function noCommandChannel(why: string): Trouble {
  return new Trouble('not-run', `the host opens no channel for a command: ${why}`, { mayBeStale: true });
}

function isEnd(error: unknown): boolean {
  const words = wordsOf(error);
  return (
    words === 'Connection lost before handshake' ||
    words === 'the host hung up' ||
    levelOf(error) === 'client-socket'
  );
}

/** SSH's own goodbye has a number (RFC 4253, 11.1), and the host's words with it. */
function saidOnLeaving(error: unknown): string | undefined {
  return typeof codeOf(error) === 'number'
    ? `ended the session, saying ${quoteHost(wordsOf(error))}`
    : undefined;
}

/** Words of a host as a reason may show them: in quotes, short, without what cannot be seen. */
export function quoteHost(words: string): string {
  const clean = words.slice(0, 400).replace(/\p{C}/gu, '·').trim();
  return `"${shorten(clean, 80)}"`;
}
