import { formatKnownHost, isNameOf, isOneName, type KnownKey, readKnownHost } from './known-hosts.ts';

/**
 * A known_hosts file in which each of these places has these keys and, but for lines that are for patterns, no
 * others. Every other line stays byte for byte: comments, markers, patterns. Of a line for several hosts only the
 * place's own name is taken out.
 */
export function rewriteKnownHosts(text: string, places: ReadonlyMap<string, readonly KnownKey[]>): string {
  const missing = new Map(places);
  /** Whether the place is to have this key; it need not be written then. */
  const takeWanted = (place: string, key: KnownKey): boolean => {
    const keys = missing.get(place) ?? [];
    const rest = keys.filter(({ blob }) => !blob.equals(key.blob));
    missing.set(place, rest);
    return rest.length < keys.length;
  };
  const lines = text.split('\n').flatMap((raw) => {
    const line = readKnownHost(raw);
    if (line?.key === undefined || line.marker !== undefined || !line.names.every(isOneName)) return [raw];
    const { key, names } = line;
    const left = names.filter((name) => {
      const place = Array.from(places.keys()).find((one) => isNameOf(name, one));
      return place === undefined || takeWanted(place, key);
    });
    if (left.length === names.length) return [raw];
    return left.length === 0 ? [] : [raw.replace(names.join(','), () => left.join(','))];
  });
  const kept = lines.join('\n');
  const added = Array.from(missing, ([place, keys]) =>
    keys.map((key) => formatKnownHost(place, key)).join(''),
  );
  return `${kept}${kept === '' || kept.endsWith('\n') ? '' : '\n'}${added.join('')}`;
}
