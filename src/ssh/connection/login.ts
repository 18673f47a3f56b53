import { hash } from 'node:crypto';
import ssh2, {
  type AnyAuthMethod,
  type AuthHandlerMiddleware,
  type BaseAgent,
  type IdentityCallback,
  type ParsedKey,
  type SignCallback,
  type SigningRequestOptions,
} from 'ssh2';
import type { Host } from '../../inventory/inventory.ts';
import { formatAddress } from '../settings.ts';
import { wordsOf } from '../trouble.ts';

/** OpenSSH hangs up at the sixth refusal (MaxAuthTries). */
const MAX_AGENT_KEYS = 5;

type Method = 'publickey' | 'agent' | 'password' | 'keyboard-interactive';

export interface Login {
  /** What ssh2 asks for the next way to log in. */
  readonly handler: AuthHandlerMiddleware;
  /** A key or a password was already offered: from here on nothing is tried a second time. */
  readonly wasAsked: boolean;
  /** The agent could not be used, and why. */
  agentFailed(error: Error): void;
}

/**
 * Asks the host which ways it offers (`none`, which OpenSSH does not count), then goes exactly one: the key,
 * else the agent, else the password. Only where the host says that this was half of it, another one. Nothing
 * is offered twice: wrong passwords lock accounts, and a fleet shares them.
 *
 * `prove` must be done before the first secret goes out; it says why not, where it must not.
 */
export function openLogin(host: Host, prove: () => Promise<boolean>, fail: (reason: string) => void): Login {
  const who = `${host.user}@${formatAddress(host)}`;
  const tried: Method[] = [];
  let agentTrouble = '';
  let proven: Promise<boolean> | undefined;

  const handler: AuthHandlerMiddleware = (offered: readonly string[] | null, isPartial, next) => {
    if (offered === null || proven === undefined) {
      proven = prove();
      next({ type: 'none', username: host.user });
      return;
    }
    const last = tried.at(-1);
    if (last !== undefined && !isPartial) {
      fail(refusedWords(host, who, last, offered, agentTrouble));
      return;
    }
    const method = chooseMethod(host, offered, tried);
    if (method === undefined) {
      fail(`${who} cannot log in: ${offeredWords(offered)}, the inventory has ${knownWords(host)}`);
      return;
    }
    tried.push(method);
    proven.then(
      (isProven) => {
        if (!isProven) return;
        const way = openMethod(host, method, fail);
        if (way) next(way);
      },
      (error: unknown) => fail(`${who}: ${wordsOf(error)}`),
    );
  };

  return {
    handler,
    get wasAsked() {
      return tried.length > 0;
    },
    agentFailed(error) {
      agentTrouble = `; the agent says: ${wordsOf(error)}`;
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

function openMethod(host: Host, method: Method, fail: (reason: string) => void): AnyAuthMethod | undefined {
  const username = host.user;
  switch (method) {
    case 'publickey': {
      const key = parsedKey(host.privateKey?.reveal() ?? '', host.passphrase?.reveal());
      if (!(key instanceof Error)) return { type: 'publickey', username, key };
      fail(`the private key of ${host.name} cannot be used: ${keyWords(key, host.passphrase !== undefined)}`);
      return undefined;
    }
    case 'agent':
      return { type: 'agent', username, agent: openAgent(host) };
    case 'password':
      return { type: 'password', username, password: host.password?.reveal() ?? '' };
    case 'keyboard-interactive': {
      let isAnswered = false;
      return {
        type: 'keyboard-interactive',
        username,
        prompt(_name, _instructions, _language, prompts, finish) {
          if (prompts.length === 0) return finish([]);
          const [prompt] = prompts;
          if (isAnswered || prompts.length > 1 || !/passw/i.test(prompt?.prompt ?? '')) {
            return fail(`${username}@${formatAddress(host)} is asked for more than a password`);
          }
          isAnswered = true;
          finish([host.password?.reveal() ?? '']);
        },
      };
    }
    default:
      return method satisfies never;
  }
}

/** Decrypting a key takes a tenth of a second of the only thread: once per key, not once per host. */
const parsedKeys = new Map<string, ParsedKey | Error>();
const MAX_PARSED_KEYS = 256;

function parsedKey(text: string, passphrase: string | undefined): ParsedKey | Error {
  const id = hash('sha256', JSON.stringify([text, passphrase ?? null]));
  const known = parsedKeys.get(id);
  if (known) return known;
  const parsed = ssh2.utils.parseKey(text, passphrase);
  const [key] = Array.isArray(parsed) ? parsed : [parsed];
  const usable =
    key === undefined || key instanceof Error || key.isPrivateKey() ? key : new Error('it is a public key');
  if (parsedKeys.size >= MAX_PARSED_KEYS) parsedKeys.clear();
  const result = usable ?? new Error('it is empty');
  parsedKeys.set(id, result);
  return result;
}

function keyWords(error: Error, hasPassphrase: boolean): string {
  if (/no passphrase/i.test(error.message)) return 'it is encrypted, and the inventory has no passphrase';
  if (hasPassphrase && /integrity|bad passphrase|decrypt/i.test(error.message))
    return 'the passphrase is wrong';
  return wordsOf(error);
}

/** `key` may hold a public key where the private one is in the agent: it says which of the agent's to offer. */
function hasIdentityOnly(host: Host): boolean {
  if (host.agent === undefined || !host.privateKey) return false;
  return /^(ssh|ecdsa)-\S+ /.test(host.privateKey.reveal());
}

function openAgent(host: Host): BaseAgent {
  const wanted = hasIdentityOnly(host) ? ssh2.utils.parseKey(host.privateKey?.reveal() ?? '') : undefined;
  return new FewKeysAgent(
    ssh2.createAgent(host.agent ?? ''),
    wanted === undefined || wanted instanceof Error ? undefined : wanted,
  );
}

/** An agent that offers one key where it is told which, and else no more than a host will listen to. */
class FewKeysAgent extends ssh2.BaseAgent {
  readonly #agent: BaseAgent;
  readonly #wanted: ParsedKey | undefined;

  constructor(agent: BaseAgent, wanted: ParsedKey | undefined) {
    super();
    this.#agent = agent;
    this.#wanted = wanted;
  }

  getIdentities(done: IdentityCallback<string | Buffer | ParsedKey>): void {
    this.#agent.getIdentities((error, keys) => {
      if (error) return done(error);
      const wanted = this.#wanted;
      const fitting = wanted ? keys?.filter((key) => isKey(key) && wanted.equals(key)) : keys;
      done(null, fitting?.slice(0, MAX_AGENT_KEYS));
    });
  }

  sign(
    key: string | Buffer | ParsedKey,
    data: Buffer,
    options: SigningRequestOptions | SignCallback,
    done?: SignCallback,
  ): void {
    if (typeof options === 'function') this.#agent.sign(key, data, options);
    else this.#agent.sign(key, data, options, done);
  }
}

function isKey(key: unknown): key is ParsedKey {
  return typeof key === 'object' && key !== null && 'getPublicSSH' in key;
}

function refusedWords(
  host: Host,
  who: string,
  method: Method,
  offered: readonly string[],
  agentTrouble: string,
): string {
  const with_ = {
    publickey: 'the key',
    agent: 'the keys of the agent',
    password: 'the password',
    'keyboard-interactive': 'the password',
  }[method];
  const untried =
    host.password && (method === 'publickey' || method === 'agent')
      ? '; the password was not tried, one login is made per connection'
      : '';
  return `${who} was refused with ${with_}${agentTrouble}; ${offeredWords(offered)}${untried}`;
}

function offeredWords(offered: readonly string[]): string {
  return offered.length === 0 ? 'the host offers no way to log in' : `the host offers ${offered.join(', ')}`;
}

function knownWords(host: Host): string {
  const known = [
    host.privateKey ? 'a key' : '',
    host.agent === undefined ? '' : 'an agent',
    host.password ? 'a password' : '',
  ].filter((word) => word !== '');
  return known.length === 0 ? 'neither key, agent nor password' : known.join(', ');
}
