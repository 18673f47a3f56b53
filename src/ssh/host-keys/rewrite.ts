import type { Sliced } from '../../time/slices.ts';
import { formatKnownHost, isHashOf, isOneName, type KnownKey, readKnownHost } from './known-hosts.ts';

/** Lines that are read before somebody else may have a turn. */
const AT_ONCE = 50;

/**
 * A known_hosts file in which each of these places has these keys and, but for lines that are for patterns, no
 * others. Every other line stays byte for byte: comments, markers, patterns. Of a line for several hosts only the
 * place's own name is taken out. `hashedAt`: by number, the lines in which some of the places stand hashed.
 */
export function* rewriteKnownHosts(
  text: string,
  places: ReadonlyMap<string, readonly KnownKey[]>,
  hashedAt: ReadonlyMap<number, readonly string[]>,
): Sliced<string> {
  const missing = new Map(places);
  /** Whether the place is to have this key; it need not be written then. */
  const takeWanted = (place: string, key: KnownKey): boolean => {
    const keys = missing.get(place) ?? [];
    const rest = keys.filter(({ blob }) => !blob.equals(key.blob));
    missing.set(place, rest);
    return rest.length < keys.length;
  };
  const lines: string[] = [];
  for (const [i, raw] of text.split('\n').entries()) {
    if (i % AT_ONCE === AT_ONCE - 1) yield;
    const line = readKnownHost(raw);
    if (line?.key === undefined || line.marker !== undefined || !line.names.every(isOneName)) {
      lines.push(raw);
      continue;
    }
    const { key, names } = line;
    const placeOf = (name: string): string | undefined =>
      name.startsWith('|') ? hashedAt.get(i + 1)?.find((place) => isHashOf(name, place)) : name.toLowerCase();
    const left = names.filter((name) => {
      const place = placeOf(name);
      return place === undefined || !places.has(place) || takeWanted(place, key);
    });
    if (left.length === names.length) lines.push(raw);
    else if (left.length > 0) lines.push(raw.replace(names.join(','), () => left.join(',')));
  }
  const kept = lines.join('\n');
  const added = Array.from(missing, ([place, keys]) =>
    keys.map((key) => formatKnownHost(place, key)).join(''),
  );
  return `${kept}${kept === '' || kept.endsWith('\n') ? '' : '\n'}${added.join('')}`;
}
