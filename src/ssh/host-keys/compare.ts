import type { Host } from '../../inventory/inventory.ts';
import type { KeyReport, OfferedKey } from '../../run/host-key.ts';
import { pinOf, placeOf } from './host-keys.ts';
import { fingerprint, type Known, type KnownKey, keyType } from './known-hosts.ts';

/** What a host offered, next to what the inventory or the file at `path` says of it. */
export function compareKeys(
  host: Host,
  known: Known,
  { keys, untold }: { readonly keys: readonly Buffer[]; readonly untold: readonly string[] },
  path: string,
): KeyReport {
  const offered = keys.map(describeKey);
  const found = { host: host.name, place: placeOf(host), offered, untold };
  if (host.hostKey !== undefined) {
    const pin = pinOf(host.hostKey);
    const isPinned = offered.some((key) => key.fingerprint === pin);
    return isPinned ? { ...found, kind: 'same' } : { ...found, kind: 'unpinned', pin };
  }
  const isOffered = ({ blob }: KnownKey) => keys.some((key) => key.equals(blob));
  if (known.revoked.some(isOffered)) return { ...found, kind: 'revoked' };
  if (known.keys.length === 0) return { ...found, kind: 'new' };
  const types = new Set(offered.map(({ type }) => type));
  const gone = known.keys.filter((key) => !isOffered(key));
  // A type that it does not show any more says nothing where it is known by another.
  if (known.keys.some(isOffered) && !gone.some(({ type }) => types.has(type)))
    return { ...found, kind: 'same' };
  const shared = known.shared.find(({ key }) => !isOffered(key));
  return {
    ...found,
    kind: 'changed',
    known: known.keys.map(({ type, blob }) => ({ type, fingerprint: fingerprint(blob) })),
    byHand: shared && `${path}:${shared.line}`,
  };
}

function describeKey(key: Buffer): OfferedKey {
  return { type: keyType(key) ?? 'unknown', fingerprint: fingerprint(key), base64: key.toString('base64') };
}
