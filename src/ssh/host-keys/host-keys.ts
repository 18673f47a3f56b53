import { ConfigError } from '../../errors.ts';
import type { Host } from '../../inventory/inventory.ts';
import type { FirstKey, HostKeyPolicy } from '../../run/host-key.ts';
import type { KeyTrust } from '../../run/ping/ping.ts';
import type { Contact, RecordFirstKeys } from './contact.ts';
import { fingerprint, keyType, knownName } from './known-hosts.ts';
import { KnownHostsFile, notRecorded } from './known-hosts-file.ts';

export interface HostKeys {
  readonly policy: HostKeyPolicy;
  readonly file: KnownHostsFile;
  /** What is known of this host now. Reads the file again where an administrator has changed it. */
  look(host: Host, contact: Contact): Promise<HostKeyCheck>;
  /** Whether its key is one that somebody has said yes to: no host on the way is believed for the sake of another. */
  isKnown(host: Host): Promise<boolean>;
}

export interface HostKeyCheck {
  /** Types of key that the host is known by; empty where any will do. The host is asked for one of these first. */
  readonly types: readonly string[];
  /** It is asked for these only. */
  readonly isOnly: boolean;
  /** Null where the key is the right one, or a first one; else why the host is not trusted. */
  judge(key: Buffer): string | null;
  /**
   * Writes a first key down, durably, once the host has proved that it holds it. Null, or why the host is not
   * trusted after all. To be asked before any secret is sent.
   */
  accept(key: Buffer): Promise<string | null>;
  /** Once it was accepted: by what. */
  trust(): KeyTrust;
}

/** A `ConfigError` where the file is there but cannot be read. A missing one is empty. */
export async function openHostKeys(
  path: string,
  policy: HostKeyPolicy,
  record: RecordFirstKeys,
): Promise<HostKeys> {
  const file = new KnownHostsFile(path, record);
  /** A fingerprint does not tell the type of its key: found out once, by asking. */
  const pinnedTypes = new Map<string, string>();
  /** Under `off`: which keys were told already, by place. */
  const passed = new Map<string, string>();
  if (policy !== 'off') {
    const problem = await file.refresh();
    if (problem !== null) throw new ConfigError([problem]);
  }

  return {
    policy,
    file,
    async isKnown(host) {
      if (host.hostKey !== undefined) return true;
      if ((await file.refresh()) !== null) return false;
      await file.look(placeOf(host));
      return file.keysOf(placeOf(host)).length > 0;
    },
    async look(host, contact) {
      const name = placeOf(host);
      if (host.hostKey !== undefined) {
        const pinned = pinOf(host.hostKey);
        await file.look(name);
        const inFile = file.keysOf(name).find(({ blob }) => fingerprint(blob) === pinned);
        return pinnedCheck(pinned, inFile?.type ?? pinnedTypes.get(pinned), (type) =>
          pinnedTypes.set(pinned, type),
        );
      }
      if (policy === 'off') {
        return {
          types: [],
          isOnly: false,
          judge: () => null,
          accept: (key) => letPass(host, key, contact),
          trust: () => 'unchecked',
        };
      }
      const problem = await file.refresh();
      if (problem !== null)
        return {
          types: [],
          isOnly: false,
          judge: () => problem,
          accept: async () => problem,
          trust: () => 'known',
        };
      await file.look(name);
      const judge = (key: Buffer) => judgeKey(file, host, key, policy, contact);
      let trust: KeyTrust = 'known';
      return {
        types: file.keysOf(name).map((key) => key.type),
        isOnly: false,
        judge,
        async accept(key) {
          // Asked again: another connection to the same place may have come first.
          const reason = judge(key);
          if (reason !== null || file.keysOf(name).length > 0) return reason;
          const first = firstKey(host, key, 'believed');
          const entry = { name, key: { type: first.type, blob: key }, first, runId: contact.runId };
          const fault = await file.append(entry);
          if (fault === null) {
            trust = 'new';
            contact.onFirstKey(first);
          }
          return fault;
        },
        trust: () => trust,
      };
    },
  };

  async function letPass(host: Host, key: Buffer, contact: Contact): Promise<string | null> {
    const first = firstKey(host, key, 'unchecked');
    const place = placeOf(host);
    if (passed.get(place) === first.fingerprint) return null;
    try {
      await record(contact.runId, [first]);
    } catch (error) {
      return notRecorded(error);
    }
    passed.set(place, first.fingerprint);
    contact.onFirstKey(first);
    return null;
  }
}

export function placeOf({ ip, port }: Host): string {
  return knownName(ip, port);
}

/** A pinned fingerprint as we write them: without padding. */
export function pinOf(hostKey: string): string {
  return hostKey.replace(/(?<!=)=+$/, '');
}

function firstKey({ name }: Host, key: Buffer, how: FirstKey['how']): FirstKey {
  return { host: name, type: keyType(key) ?? 'unknown', fingerprint: fingerprint(key), how };
}

function pinnedCheck(
  pinned: string,
  type: string | undefined,
  onFound: (type: string) => void,
): HostKeyCheck {
  const judge = (key: Buffer) => {
    if (fingerprint(key) === pinned) {
      onFound(keyType(key) ?? '');
      return null;
    }
    return `the host key is not the one pinned in the inventory: pinned ${pinned}, offered ${fingerprint(key)} (${keyType(key)})`;
  };
  return {
    types: type === undefined ? [] : [type],
    isOnly: false,
    judge,
    accept: async (key) => judge(key),
    trust: () => 'pinned',
  };
}

/** `contact` is told of a key that is refused for being new: reasons without fingerprints can be folded. */
function judgeKey(
  file: KnownHostsFile,
  host: Host,
  key: Buffer,
  policy: Exclude<HostKeyPolicy, 'off'>,
  contact: Contact,
): string | null {
  const name = placeOf(host);
  const offered = `${fingerprint(key)} (${keyType(key)})`;
  if (file.revokedOf(name).some((revoked) => revoked.blob.equals(key))) {
    return `host key revoked: ${offered}`;
  }
  const known = file.keysOf(name);
  if (known.some((one) => one.blob.equals(key))) return null;
  if (known.length > 0) {
    const fingerprints = known.map((one) => `${fingerprint(one.blob)} (${one.type})`).join(' or ');
    const remedy =
      policy === 'strict'
        ? `if the host was reinstalled, remove its line from ${file.path}`
        : `if the host was reinstalled, \`/batch trust ${host.name}\` shows both and can replace the known one`;
    return `host key changed: known ${fingerprints}, offered ${offered}; ${remedy}`;
  }
  switch (policy) {
    case 'accept-new':
      return null;
    case 'ask':
      contact.onFirstKey(firstKey(host, key, 'refused'));
      return `host key not known, so nothing secret was sent; \`/batch trust ${host.name}\` shows it and asks whether to trust it`;
    case 'strict':
      contact.onFirstKey(firstKey(host, key, 'refused'));
      return `host key not known, so nothing secret was sent; add it to ${file.path} or pin it in the inventory`;
    default:
      return policy satisfies never;
  }
}
