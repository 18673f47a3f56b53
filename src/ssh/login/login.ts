import type { AnyAuthMethod, AuthHandlerMiddleware, KeyboardInteractiveAuthMethod, ParsedKey } from 'ssh2';
import type { Host } from '../../inventory/inventory.ts';
import { formatAddress } from '../settings.ts';
import { quoteHost, wordsOf } from '../trouble.ts';
import { isSha1, ONLY_SHA1 } from './algorithms.ts';
import type { Trial } from './credential-trials.ts';
import {
  type BeforeSending,
  type FewKeysAgent,
  hasIdentityOnly,
  openAgent,
  UnmadeSignature,
} from './keys/agent.ts';
import { type Certificate, describeLimits, readCertificate } from './keys/certificate.ts';
import { certify } from './keys/certified-key.ts';
import { readPrivateKey } from './keys/keys.ts';
import { findQuestionFault } from './questions.ts';

type Method = 'publickey' | 'agent' | 'password' | 'keyboard-interactive';

export interface Login {
  /** What ssh2 asks for the next way to log in. */
  readonly handler: AuthHandlerMiddleware;
  /** A key or a password was already offered: from here on nothing is tried a second time. */
  readonly wasAsked: boolean;
  /** Of what was offered last; undefined where nothing was yet. */
  readonly trial: Trial | undefined;
  /** What was offered last: `the key`. */
  readonly lastTried: string;
  /** The agent could not be used, and why. */
  agentFailed(error: Error): void;
}

export interface LoginSession {
  /** Must be done before the first secret goes out; false where it must not. */
  prove(): Promise<boolean>;
  /** To be asked before each secret; undefined where it must not go out, and the session is over then. */
  begin(what: string, secrets: readonly string[]): Promise<Trial | undefined>;
  fail(reason: string): void;
  /** To be called right before the library is given a signature for a certificate. */
  beforeCertified: BeforeSending;
  /** False from its end on: then the library must not be answered any more. */
  isOpen(): boolean;
}

/**
 * Asks the host which ways it offers (`none`, which OpenSSH does not count), then goes exactly one: the key,
 * else the agent, else the password. Only where the host says that this was half of it, another one. Nothing
 * is offered twice: wrong passwords lock accounts, and a fleet shares them.
 */
export function openLogin(host: Host, session: LoginSession): Login {
  const who = `${host.user}@${formatAddress(host)}`;
  const username = host.user;
  const certificate = readOwnCertificate(host);
  const tried: Method[] = [];
  let agent: FewKeysAgent | undefined;
  let agentTrouble = '';
  let proven: Promise<boolean> | undefined;
  let trial: Trial | undefined;

  const openMethod = (method: Method): AnyAuthMethod | undefined => {
    switch (method) {
      case 'publickey': {
        const key = readPrivateKey(host.privateKey?.reveal() ?? '', host.passphrase?.reveal());
        if (!('fault' in key)) {
          const refuse = (why: string) => session.fail(`${who}: ${why}`);
          const offered =
            certificate === undefined
              ? key
              : certify(key, certificate, () => session.beforeCertified(certificate));
          return { type: 'publickey', username, key: signOnce(offered, host.legacy === true, refuse) };
        }
        session.fail(
          `the private key of ${host.name} cannot be used: ${key.key === 'passphrase' ? 'the passphrase is wrong' : key.fault}`,
        );
        return undefined;
      }
      case 'agent':
        agent = openAgent(host, session.isOpen, session.beforeCertified);
        return { type: 'agent', username, agent };
      case 'password':
        return { type: 'password', username, password: host.password?.reveal() ?? '' };
      case 'keyboard-interactive':
        return { type: 'keyboard-interactive', username, prompt: askedBy };
      default:
        return method satisfies never;
    }
  };

  let isAnswered = false;
  const askedBy: KeyboardInteractiveAuthMethod['prompt'] = (
    name,
    instructions,
    _language,
    questions,
    finish,
  ) => {
    if (!session.isOpen()) return;
    if (isAnswered) trial?.refused();
    const fault = isAnswered
      ? `once more (${quoteHost(questions[0]?.prompt ?? '')})`
      : findQuestionFault(questions, `${name} ${instructions}`, host);
    if (fault !== undefined)
      return session.fail(
        `${who} is asked ${fault}; the password was ${isAnswered ? 'given once and not again' : 'not given'}`,
      );
    isAnswered = true;
    finish([host.password?.reveal() ?? '']);
  };

  const handler: AuthHandlerMiddleware = (offered: readonly string[] | null, isPartial, next) => {
    if (!session.isOpen()) return;
    if (offered === null || proven === undefined) {
      proven = session.prove();
      next({ type: 'none', username });
      return;
    }
    const last = tried.at(-1);
    if (isPartial) trial?.accepted();
    else trial?.refused();
    if (last !== undefined && !isPartial) {
      const isKey = last === 'publickey' || last === 'agent';
      const limits = isKey && certificate ? describeLimits(certificate, host.user, Date.now()) : '';
      session.fail(refusedWords(host, who, last, offered, agentTrouble + (agent?.shortfall ?? '') + limits));
      return;
    }
    const method = chooseMethod(host, offered, tried);
    if (method === undefined) {
      session.fail(`${who} cannot log in: ${offeredWords(offered)}, the inventory has ${knownWords(host)}`);
      return;
    }
    tried.push(method);
    const offer = async (isProven: boolean) => {
      if (!isProven || !session.isOpen()) return;
      const begun = await session.begin(triedWords(host, method), secretsOf(host, method));
      if (begun === undefined) return;
      trial = begun;
      const opened = openMethod(method);
      if (opened) next(opened);
      else begun.dropped();
    };
    proven
      .then(offer)
      .catch((error: unknown) => session.fail(`${who} could not be logged in: ${wordsOf(error)}`));
  };

  return {
    handler,
    get wasAsked() {
      return trial !== undefined;
    },
    get trial() {
      return trial;
    },
    get lastTried() {
      return triedWords(host, tried.at(-1) ?? 'publickey');
    },
    agentFailed(error) {
      // What we did not ask it for is in its shortfall.
      if (!(error instanceof UnmadeSignature)) agentTrouble = `; the agent says: ${wordsOf(error)}`;
    },
  };
}

function chooseMethod(host: Host, offered: readonly string[], tried: readonly Method[]): Method | undefined {
  const isOpen = (method: Method, name: string) => offered.includes(name) && !tried.includes(method);
  if (host.privateKey && !hasIdentityOnly(host) && isOpen('publickey', 'publickey')) return 'publickey';
  if (host.agent !== undefined && isOpen('agent', 'publickey')) return 'agent';
  if (host.password && !tried.includes('keyboard-interactive') && isOpen('password', 'password'))
    return 'password';
  // The same password by another way: only where the plain way is not offered.
  if (
    host.password &&
    !tried.includes('password') &&
    isOpen('keyboard-interactive', 'keyboard-interactive')
  ) {
    return 'keyboard-interactive';
  }
  return undefined;
}

/** It was looked at when the inventory was read. */
function readOwnCertificate({ certificate }: Host): Certificate | undefined {
  const read = certificate === undefined ? undefined : readCertificate(certificate);
  return typeof read === 'string' ? undefined : read;
}

/** What makes two offers the same one. */
function secretsOf(host: Host, method: Method): readonly string[] {
  const key = host.privateKey?.reveal() ?? '';
  switch (method) {
    case 'publickey':
      return ['key', host.user, key, host.certificate ?? ''];
    case 'agent':
      return ['agent', host.user, host.agent ?? '', host.agentKey ?? key, host.certificate ?? ''];
    case 'password':
    case 'keyboard-interactive':
      return ['password', host.user, host.password?.reveal() ?? ''];
    default:
      return method satisfies never;
  }
}

/** ssh2's key, which signs once: a host that asks for more than one signature wants the time of the process. */
function signOnce(key: ParsedKey, isLegacy: boolean, fail: (reason: string) => void): ParsedKey {
  let hasSigned = false;
  return Object.create(key, {
    sign: {
      value(...words: Parameters<ParsedKey['sign']>): Buffer | Error {
        if (hasSigned) {
          fail('the host asked for a second signature');
          return new Error('one signature is made for a login');
        }
        if (!isLegacy && isSha1(key, words[1])) {
          fail(`the host ${ONLY_SHA1}`);
          return new Error('no signature with SHA-1 is made');
        }
        hasSigned = true;
        return key.sign(...words);
      },
    },
  });
}

function refusedWords(
  host: Host,
  who: string,
  method: Method,
  offered: readonly string[],
  agentTrouble: string,
): string {
  const untried =
    host.password && (method === 'publickey' || method === 'agent')
      ? '; the password was not tried, one login is made per connection'
      : '';
  return `${who} was refused with ${triedWords(host, method)}${agentTrouble}; ${offeredWords(offered)}${untried}`;
}

function triedWords(host: Host, method: Method): string {
  const isCertified = host.certificate !== undefined;
  return {
    publickey: isCertified ? 'the certificate of the key' : 'the key',
    agent: isCertified ? "the certificate of the agent's key" : 'the keys of the agent',
    password: 'the password',
    'keyboard-interactive': 'the password',
  }[method];
}

/** The host's own list: short, and nothing in it but names. */
function offeredWords(offered: readonly string[]): string {
  const names = offered.filter((name) => /^[\w@.-]{1,64}$/.test(name)).slice(0, 8);
  return names.length === 0 ? 'the host offers no way to log in' : `the host offers ${names.join(', ')}`;
}

function knownWords(host: Host): string {
  const known = [
    host.privateKey ? 'a key' : '',
    host.agent === undefined ? '' : 'an agent',
    host.password ? 'a password' : '',
  ].filter((word) => word !== '');
  return known.length === 0 ? 'neither key, agent nor password' : known.join(', ');
}
