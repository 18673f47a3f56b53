export const HOST_KEY_POLICIES = ['strict', 'ask', 'accept-new', 'off'] as const;

/**
 * What a host's key has to be before anything secret is sent to it:
 *
 * - `strict`: one that known_hosts has, where only the administrator writes.
 * - `ask`: one that known_hosts has, where `/batch trust` writes as well.
 * - `accept-new`: a host seen for the first time is believed and written down.
 * - `off`: any key. For laboratories.
 *
 * But for `off` a changed key is refused. A fingerprint pinned in the inventory stands above all of them.
 */
export type HostKeyPolicy = (typeof HOST_KEY_POLICIES)[number];

/** A host key as people compare it. */
export interface KeyPrint {
  /** `ssh-ed25519` */
  readonly type: string;
  /** `SHA256:…`, as ssh-keygen -l prints it. */
  readonly fingerprint: string;
}

/** A key that was not known when its host was connected to, and what came of that. */
export interface FirstKey extends KeyPrint {
  /** Also a host on the way. */
  readonly host: string;
  /**
   * `believed`: known from now on (`accept-new`). `unchecked`: the login went out to whatever key (`off`), told once
   * for a key and process. `refused`: nothing secret was sent.
   */
  readonly how: 'believed' | 'unchecked' | 'refused';
}

/** A key that a host offered, and proved to hold. */
export interface OfferedKey extends KeyPrint {
  /** As known_hosts has it. */
  readonly base64: string;
}

interface Looked {
  readonly host: string;
  /** As known_hosts names it. */
  readonly place: string;
}

interface LookedAndFound extends Looked {
  readonly offered: readonly OfferedKey[];
  /** Types of key that it says it has and did not show. */
  readonly untold: readonly string[];
}

/**
 * A host's keys next to what is known of it:
 *
 * - `same`: it is known by one of them, and by no other of the same type.
 * - `new`: nothing is known of it.
 * - `changed`: it is known by others. `byHand`: one of these stands in a line that is for other hosts too.
 * - `revoked`: known_hosts says of one of them that it is never to be trusted.
 * - `unpinned`: the inventory pins another one, which stands above the file.
 */
export type KeyReport =
  | (LookedAndFound & { readonly kind: 'same' })
  | (LookedAndFound & { readonly kind: 'new' })
  | (LookedAndFound & { readonly kind: 'revoked' })
  | (LookedAndFound & {
      readonly kind: 'changed';
      readonly known: readonly KeyPrint[];
      readonly byHand: string | undefined;
    })
  | (LookedAndFound & { readonly kind: 'unpinned'; readonly pin: string })
  | (Looked & { readonly kind: 'unreachable'; readonly reason: string });

/** What a person can say yes to. */
export type TrustableReport = Extract<KeyReport, { readonly kind: 'new' | 'changed' }>;

export function isTrustable(report: KeyReport): report is TrustableReport {
  return report.kind === 'new' || (report.kind === 'changed' && report.byHand === undefined);
}

/**
 * - `done`: these are known so from now on; of those that are `stale` something else is known by now, and nothing
 *   was written.
 * - `failed`: what was not written, and why, in a sentence.
 */
export type Trusted =
  | {
      readonly kind: 'done';
      readonly written: readonly TrustableReport[];
      readonly stale: readonly TrustableReport[];
    }
  | { readonly kind: 'failed'; readonly reason: string };

/** In any order. */
export function areSameKeys(some: readonly KeyPrint[], others: readonly KeyPrint[]): boolean {
  return (
    some.length === others.length &&
    some.every((key) => others.some(({ fingerprint }) => fingerprint === key.fingerprint))
  );
}

/** Whether both are of one place, the same keys there, and the same ones known of it. */
export function isSameReport(a: TrustableReport, b: TrustableReport): boolean {
  return a.place === b.place && areSameKeys(a.offered, b.offered) && areSameKeys(knownOf(a), knownOf(b));
}

export function knownOf(report: TrustableReport): readonly KeyPrint[] {
  return report.kind === 'changed' ? report.known : [];
}
