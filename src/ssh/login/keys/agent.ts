import ssh2, {
  type BaseAgent,
  type IdentityCallback,
  type ParsedKey,
  type SignCallback,
  type SigningRequestOptions,
} from 'ssh2';
import type { Host } from '../../../inventory/inventory.ts';
import { isPublicKey } from '../../../inventory/section/parse-host.ts';
import { fingerprint } from '../../host-keys/known-hosts.ts';
import { isSha1, ONLY_SHA1 } from '../algorithms.ts';
import { AGENT_KEYS } from '../limits.ts';
import { type Certificate, readCertificate } from './certificate.ts';
import { certify, hashOf, isCertified } from './certified-key.ts';
import { wantedKey } from './keys.ts';

/** `key` may say no more than which of the agent's to offer. */
export function hasIdentityOnly(host: Host): boolean {
  return host.agent !== undefined && isPublicKey(host.privateKey?.reveal() ?? '');
}

/** `beforeSending` is called right before a signature for a certificate is given to the library. */
export function openAgent(host: Host, isOpen: () => boolean, beforeSending: BeforeSending): FewKeysAgent {
  const certificate = host.certificate === undefined ? undefined : readCertificate(host.certificate);
  return new FewKeysAgent(ssh2.createAgent(host.agent ?? ''), {
    wanted: wantedKey(host),
    certificate: typeof certificate === 'string' ? undefined : certificate,
    isOpen,
    isLegacy: host.legacy === true,
    beforeSending,
  });
}

export type BeforeSending = (certificate: Certificate) => Error | undefined;

interface AgentUse {
  /** The fingerprint of the one key to offer. */
  readonly wanted: string | undefined;
  /** Offered in that key's place. */
  readonly certificate: Certificate | undefined;
  isOpen(): boolean;
  readonly isLegacy: boolean;
  readonly beforeSending: BeforeSending;
}

/** An agent that offers one key where it is told which, and else no more than a host will listen to. */
export class FewKeysAgent extends ssh2.BaseAgent {
  readonly #agent: BaseAgent;
  readonly #use: AgentUse;
  #signatures = 0;
  /** A signature with SHA-1 was asked for, and not made. */
  #isShort = false;
  /** What the agent has, and how many of these are offered. */
  #count: { readonly all: number; readonly offered: number } | undefined;

  constructor(agent: BaseAgent, use: AgentUse) {
    super();
    this.#agent = agent;
    this.#use = use;
  }

  /** Why none of its keys may have fitted; empty where all were offered. */
  get shortfall(): string {
    return (this.#isShort ? `; the host ${ONLY_SHA1}` : '') + this.#keptBack();
  }

  #keptBack(): string {
    if (this.#count === undefined) return '';
    const { all, offered } = this.#count;
    if (this.#use.wanted !== undefined) {
      return offered > 0
        ? ''
        : `; the agent has ${all} keys, and the one that is to be used is not among them`;
    }
    if (all === 0) return '; the agent has no keys';
    return offered === all
      ? ''
      : `; only the first ${offered} of the agent's ${all} keys were offered, as hosts hang up at the sixth: name the one to use, key = SHA256:… or key = FILE.pub`;
  }

  getIdentities(done: IdentityCallback<string | Buffer | ParsedKey>): void {
    this.#agent.getIdentities((error, keys) => {
      if (!this.#use.isOpen()) return;
      if (error) return done(error);
      const { wanted, certificate, beforeSending } = this.#use;
      const isWanted = (key: unknown) => isKey(key) && fingerprint(key.getPublicSSH()) === wanted;
      const fitting = wanted === undefined ? keys : keys?.filter(isWanted).slice(0, 1);
      const offered = fitting?.slice(0, AGENT_KEYS);
      this.#count = { all: keys?.length ?? 0, offered: offered?.length ?? 0 };
      const certified = <K>(key: K) =>
        certificate !== undefined && isKey(key)
          ? certify(key, certificate, () => beforeSending(certificate))
          : key;
      done(null, offered?.map(certified));
    });
  }

  sign(
    key: string | Buffer | ParsedKey,
    data: Buffer,
    options: SigningRequestOptions | SignCallback,
    done?: SignCallback,
  ): void {
    const answer: SignCallback = (error, signature) => {
      if (!this.#use.isOpen()) return;
      const fault = !error && isCertified(key) ? this.#use.beforeSending(key.certificate) : undefined;
      if (fault !== undefined) return answer(fault);
      if (typeof options === 'function') options(error, signature);
      else done?.(error, signature);
    };
    this.#signatures++;
    const hash = typeof options === 'function' ? undefined : options.hash;
    if (!this.#use.isLegacy && isKey(key) && isSha1(key, hash)) {
      this.#isShort = true;
      answer(new UnmadeSignature('no signature with SHA-1 is made'));
    } else if (this.#signatures > AGENT_KEYS) answer(new Error('the host asks for too many signatures'));
    else if (isCertified(key)) {
      const how = hashOf(key.certificate);
      this.#agent.sign(key.plain, data, how === undefined ? {} : { hash: how }, answer);
    } else this.#agent.sign(key, data, typeof options === 'function' ? {} : options, answer);
  }
}

/** Not the agent's fault: it was not asked. */
export class UnmadeSignature extends Error {}

function isKey(key: unknown): key is ParsedKey {
  return typeof key === 'object' && key !== null && 'getPublicSSH' in key;
}
