import type { Host } from '../inventory.ts';

// What stands behind the keys of a host, each as what it means; undefined where it means nothing.

/** Python's `ConfigParser.BOOLEAN_STATES`, in any case. */
const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ['1', true],
  ['yes', true],
  ['true', true],
  ['on', true],
  ['0', false],
  ['no', false],
  ['false', false],
  ['off', false],
]);

export function parseBoolean(value: string): boolean | undefined {
  return BOOLEANS.get(value.toLowerCase());
}

/** What may be wrong with a value that looks right to the eye. Empty where nothing comes to mind. */
export function hintAt(value: string): string {
  if (value.includes('\n')) {
    return '; the lines below it are indented deeper and so belong to this value';
  }
  if (/(^|\s)[#;]/.test(value)) return '; comments stand on lines of their own';
  if (/^(["']).*\1$/.test(value)) return '; quotes are part of the value here, leave them out';
  if (value === '') return '; it is empty';
  return '';
}

export function parseAddress(value: string): string | undefined {
  // `ip = True` is a member of a group that was written into a host's section.
  if (value.length > 253 || parseBoolean(value) !== undefined) return undefined;
  // As it stands in a URL.
  if (/^\[[^[\]]*\]$/.test(value) && value.includes(':')) return parseAddress(value.slice(1, -1));
  if (value.includes(':')) {
    const [address = '', zone] = value.split(/%(.*)/s);
    const isZone = zone === undefined || /^[\w.-]+$/.test(zone);
    return /^[0-9a-fA-F:.]+$/.test(address) && isZone && URL.canParse(`http://[${address}]/`)
      ? value
      : undefined;
  }
  const labels = value.split('.');
  // All digits at the end is never a name (RFC 1123, 2.1), and `010` means 8 to one resolver and 10 to the next.
  if (/^\d+$/.test(labels.at(-1) ?? '')) {
    const isIpv4 =
      labels.length === 4 && labels.every((n) => /^(0|[1-9]\d{0,2})$/.test(n) && Number(n) <= 255);
    return isIpv4 ? value : undefined;
  }
  return labels.every((label) => /^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/.test(label))
    ? value
    : undefined;
}

export function parsePort(value: string): number | undefined {
  const port = /^\d{1,9}$/.test(value) ? Number(value) : 0;
  return port >= 1 && port <= 65_535 ? port : undefined;
}

export function parseShell(value: string): Host['shell'] | undefined {
  const word = value.toLowerCase();
  return word === 'auto' || word === 'posix' || word === 'raw' ? word : undefined;
}

/** Of the whole question, in any case: `password` alone must not fit "Password and code". */
export function parsePattern(value: string): RegExp | undefined {
  try {
    return new RegExp(`^(?:${value})$`, 'iu');
  } catch {
    return undefined;
  }
}

/** As OpenSSH writes it, without the padding that other tools add. */
export function parseFingerprint(value: string): string | undefined {
  return /^(SHA256:[A-Za-z0-9+/]{43})=?$/.exec(value)?.[1];
}
