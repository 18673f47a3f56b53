import ssh2, {
  type BaseAgent,
  type IdentityCallback,
  type ParsedKey,
  type SignCallback,
  type SigningRequestOptions,
} from 'ssh2';
import type { Host } from '../../../inventory/inventory.ts';
import { isPublicKey } from '../../../inventory/section/parse-host.ts';
import { isSha1, ONLY_SHA1 } from '../algorithms.ts';
import { AGENT_KEYS } from '../limits.ts';
import { readPublicKey } from './keys.ts';

/** `key` may hold a public key where the private one is in the agent: it says which of the agent's to offer. */
export function hasIdentityOnly(host: Host): boolean {
  return host.agent !== undefined && isPublicKey(host.privateKey?.reveal() ?? '');
}

export function openAgent(host: Host, isOpen: () => boolean): FewKeysAgent {
  const wanted = hasIdentityOnly(host) ? readPublicKey(host.privateKey?.reveal() ?? '') : undefined;
  return new FewKeysAgent(
    ssh2.createAgent(host.agent ?? ''),
    wanted === undefined || 'fault' in wanted ? undefined : wanted,
    isOpen,
    host.legacy === true,
  );
}

/** An agent that offers one key where it is told which, and else no more than a host will listen to. */
export class FewKeysAgent extends ssh2.BaseAgent {
  readonly #agent: BaseAgent;
  readonly #wanted: ParsedKey | undefined;
  readonly #isOpen: () => boolean;
  readonly #isLegacy: boolean;
  #signatures = 0;
  /** A signature with SHA-1 was asked for, and not made. */
  #isShort = false;
  /** What the agent has, and how many of these are offered. */
  #count: { readonly all: number; readonly offered: number } | undefined;

  constructor(agent: BaseAgent, wanted: ParsedKey | undefined, isOpen: () => boolean, isLegacy: boolean) {
    super();
    this.#agent = agent;
    this.#wanted = wanted;
    this.#isOpen = isOpen;
    this.#isLegacy = isLegacy;
  }

  /** Why none of its keys may have fitted; empty where all were offered. */
  get shortfall(): string {
    return (this.#isShort ? `; the host ${ONLY_SHA1}` : '') + this.#keptBack();
  }

  #keptBack(): string {
    if (this.#count === undefined) return '';
    const { all, offered } = this.#count;
    if (this.#wanted !== undefined) {
      return offered > 0 ? '' : `; the agent has ${all} keys, and the one that key names is not among them`;
    }
    if (all === 0) return '; the agent has no keys';
    return offered === all
      ? ''
      : `; only the first ${offered} of the agent's ${all} keys were offered, as hosts hang up at the sixth: name the one to use, key = FILE.pub`;
  }

  getIdentities(done: IdentityCallback<string | Buffer | ParsedKey>): void {
    this.#agent.getIdentities((error, keys) => {
      if (!this.#isOpen()) return;
      if (error) return done(error);
      const wanted = this.#wanted;
      const fitting = wanted ? keys?.filter((key) => isKey(key) && wanted.equals(key)) : keys;
      const offered = fitting?.slice(0, AGENT_KEYS);
      this.#count = { all: keys?.length ?? 0, offered: offered?.length ?? 0 };
      done(null, offered);
    });
  }

  sign(
    key: string | Buffer | ParsedKey,
    data: Buffer,
    options: SigningRequestOptions | SignCallback,
    done?: SignCallback,
  ): void {
    const answer: SignCallback = (error, signature) => {
      if (!this.#isOpen()) return;
      if (typeof options === 'function') options(error, signature);
      else done?.(error, signature);
    };
    this.#signatures++;
    const hash = typeof options === 'function' ? undefined : options.hash;
    if (!this.#isLegacy && isKey(key) && isSha1(key, hash)) {
      this.#isShort = true;
      answer(new UnmadeSignature('no signature with SHA-1 is made'));
    } else if (this.#signatures > AGENT_KEYS) answer(new Error('the host asks for too many signatures'));
    else this.#agent.sign(key, data, typeof options === 'function' ? {} : options, answer);
  }
}

/** Not the agent's fault: it was not asked. */
export class UnmadeSignature extends Error {}

function isKey(key: unknown): key is ParsedKey {
  return typeof key === 'object' && key !== null && 'getPublicSSH' in key;
}
