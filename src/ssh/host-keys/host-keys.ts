import { ConfigError } from '../../errors.ts';
import type { Host } from '../../inventory/inventory.ts';
import { fingerprint, keyType, knownName } from './known-hosts.ts';
import { KnownHostsFile } from './known-hosts-file.ts';

/**
 * - `strict`: only hosts that known_hosts has.
 * - `accept-new`: a host seen for the first time is believed and written down; a changed key is refused.
 * - `off`: any key. For laboratories.
 *
 * A fingerprint pinned in the inventory stands above all of them.
 */
export type HostKeyPolicy = 'strict' | 'accept-new' | 'off';

export interface HostKeys {
  /** What is known of this host now. Reads the file again where an administrator has changed it. */
  look(host: Host): Promise<HostKeyCheck>;
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
}

/** A `ConfigError` where the file is there but cannot be read. A missing one is empty. */
export async function openHostKeys(path: string, policy: HostKeyPolicy): Promise<HostKeys> {
  const file = new KnownHostsFile(path);
  /** A fingerprint does not tell the type of its key: found out once, by asking. */
  const pinnedTypes = new Map<string, string>();
  if (policy !== 'off') {
    const problem = await file.refresh();
    if (problem !== null) throw new ConfigError([problem]);
  }

  return {
    async look(host) {
      const name = knownName(host.ip, host.port);
      if (host.hostKey !== undefined) {
        const pinned = host.hostKey.replace(/(?<!=)=+$/, '');
        const inFile = file.keysOf(name).find(({ blob }) => fingerprint(blob) === pinned);
        return pinnedCheck(pinned, inFile?.type ?? pinnedTypes.get(pinned), (type) =>
          pinnedTypes.set(pinned, type),
        );
      }
      if (policy === 'off') return { types: [], isOnly: false, judge: () => null, accept: async () => null };

      const problem = await file.refresh();
      if (problem !== null)
        return { types: [], isOnly: false, judge: () => problem, accept: async () => problem };
      const judge = (key: Buffer) => judgeKey(file, name, key, policy);
      return {
        types: file.keysOf(name).map((key) => key.type),
        isOnly: false,
        judge,
        async accept(key) {
          // Asked again: another connection to the same place may have come first.
          const reason = judge(key);
          if (reason !== null || file.keysOf(name).length > 0) return reason;
          return file.append(name, { type: keyType(key) ?? '', blob: key });
        },
      };
    },
  };
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
  };
}

function judgeKey(
  file: KnownHostsFile,
  name: string,
  key: Buffer,
  policy: 'strict' | 'accept-new',
): string | null {
  const offered = `${fingerprint(key)} (${keyType(key)})`;
  if (file.revokedOf(name).some((revoked) => revoked.blob.equals(key))) {
    return `host key revoked: ${offered}`;
  }
  const known = file.keysOf(name);
  if (known.some((one) => one.blob.equals(key))) return null;
  if (known.length > 0) {
    const fingerprints = known.map((one) => `${fingerprint(one.blob)} (${one.type})`).join(' or ');
    return `host key changed: known ${fingerprints}, offered ${offered}; if the host was reinstalled, remove its line from ${file.path}`;
  }
  if (policy === 'strict') {
    return `host key not known: offered ${offered}; add it to ${file.path} or pin it in the inventory`;
  }
  return null;
}
