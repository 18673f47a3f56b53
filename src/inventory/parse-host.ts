import { nearNames } from '../errors.ts';
import { findEntry, type IniEntry, type IniFile, type IniSection } from './ini.ts';
import type { Host } from './inventory.ts';
import { didYouMean, type Problems, showName } from './problems.ts';
import { Secret } from './secret.ts';
import { NotText } from './text.ts';

/** What the inventory needs of the machine it is read on. Both may be asked for the same thing often. */
export interface InventoryWorld {
  env(name: string): string | undefined;
  /** The file's text; throws where it cannot be read, a `NotText` where it is none. A relative path is as the world resolves it. */
  readFile(path: string): string;
  /** What would keep a login from using a key file's text, by what will use it; undefined where nothing does. */
  findKeyFault(text: string, passphrase: string | undefined): KeyFault | undefined;
}

export interface KeyFault {
  /** Which of the two is at fault. */
  readonly key: 'key' | 'passphrase';
  /** A sentence's end, behind `key: `. */
  readonly fault: string;
}

/** A public key as `.pub` files have it. */
export function isPublicKey(text: string): boolean {
  return /^(?:ssh|ecdsa|sk)-\S+ |^-+ ?BEGIN (?:SSH2 )?PUBLIC KEY/.test(text);
}

export const HOST_KEYS = [
  'ip',
  'port',
  'user',
  'password',
  'enable',
  'key',
  'passphrase',
  'agent',
  'jump',
  'host_key',
  'shell',
  'prompt',
  'legacy',
] as const;
type HostKey = (typeof HOST_KEYS)[number];

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

export function checkHostKeys(section: IniSection, problems: Problems): void {
  for (const [key, { line }] of section.entries) {
    if (HOST_KEYS.some((known) => known === key)) continue;
    problems.at(line, `unknown key ${showName(key)} of a host.${didYouMean(nearNames(key, HOST_KEYS))}`);
  }
}

/**
 * A section with `ip` → a host; undefined where something is wrong with it. `jump` is as written: whether
 * there is such a host is not known before all are read.
 */
export function parseHost(
  file: IniFile,
  section: IniSection,
  world: InventoryWorld,
  problems: Problems,
): Host | undefined {
  let isSound = true;
  const fault = (line: number, problem: string): undefined => {
    isSound = false;
    problems.at(line, problem);
  };
  const entryOf = (key: HostKey): IniEntry | undefined => {
    const entry = findEntry(file, section, key);
    // `key =` without a value takes back what [DEFAULT] says.
    return entry === undefined || entry.value === '' ? undefined : entry;
  };

  /** The entry's value as `parse` understands it; a fault says what was expected, never what stands there. */
  const read = <T>(
    key: HostKey,
    expected: string,
    parse: (value: string) => T | undefined,
  ): T | undefined => {
    const entry = entryOf(key);
    if (entry === undefined) return undefined;
    const value = parse(entry.value);
    return value ?? fault(entry.line, `${key}: expected ${expected}${hintAt(entry.value)}`);
  };

  const readFile = (key: HostKey, line: number, path: string): string | undefined => {
    try {
      return world.readFile(expandHome(world, path));
    } catch (error) {
      if (error instanceof NotText) return fault(line, `${key}: the file it names ${error.message}`);
      const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
      return fault(line, `${key}: cannot read the file it names${code}`);
    }
  };

  /** A secret as it stands there, or out of the variable `env:NAME` or the file `file:PATH`. */
  const readSecret = (key: 'password' | 'passphrase'): Secret | undefined => {
    const entry = entryOf(key);
    if (entry === undefined) return undefined;
    const [, kind, name = ''] = /^(env|file):(.*)$/s.exec(entry.value) ?? [];
    if (kind === 'env') {
      if (!VARIABLE.test(name)) return fault(entry.line, `${key}: what follows env: is no variable's name`);
      const value = world.env(name);
      return value ? new Secret(value) : fault(entry.line, `${key}: the variable ${name} is not set`);
    }
    if (kind === 'file') {
      const text = readFile(key, entry.line, name.trim());
      if (text === undefined) return undefined;
      const value = text.replace(/\r?\n$/, '');
      return value === '' ? fault(entry.line, `${key}: the file it names is empty`) : new Secret(value);
    }
    return new Secret(entry.value);
  };

  const agentWord = entryOf('agent')?.value;
  const wantsAgent = agentWord !== undefined && parseBoolean(agentWord) !== false;
  const readKey = (passphrase: Secret | undefined): Secret | undefined => {
    const entry = entryOf('key');
    if (entry === undefined) return undefined;
    if (/PRIVATE KEY|\n/.test(entry.value)) {
      return fault(entry.line, 'key: expected the path of a private key file, not the key itself');
    }
    const text = readFile('key', entry.line, entry.value);
    if (text === undefined) return undefined;
    // The usual slip is to name the .pub file beside it; with an agent that is how to say which of its keys.
    const isPublic = isPublicKey(text);
    if (isPublic && !wantsAgent) {
      return fault(entry.line, 'key: that file holds the public key; name the private one');
    }
    if (!isPublic && !/-----BEGIN [A-Z ]*PRIVATE KEY-----|^PuTTY-User-Key-File-/.test(text)) {
      return fault(entry.line, 'key: that file holds no private key');
    }
    const wrong = world.findKeyFault(text, passphrase?.reveal());
    if (wrong === undefined) return new Secret(text);
    return fault(entryOf(wrong.key)?.line ?? entry.line, `${wrong.key}: ${wrong.fault}`);
  };

  const readAgent = (): string | undefined => {
    const entry = entryOf('agent');
    if (entry === undefined) return undefined;
    const isWanted = parseBoolean(entry.value);
    if (isWanted === false) return undefined;
    const name = isWanted ? 'SSH_AUTH_SOCK' : /^env:(\w+)$/.exec(entry.value)?.[1];
    if (name !== undefined) {
      return world.env(name) || fault(entry.line, `agent: the variable ${name} is not set`);
    }
    if (/^(\/|~\/|\\\\)[^\n]+$/.test(entry.value)) {
      return expandHome(world, entry.value);
    }
    return fault(
      entry.line,
      `agent: expected True, env:NAME or the path of its socket${hintAt(entry.value)}`,
    );
  };

  const own = section.entries.get('ip');
  const ip = read('ip', 'an IPv4 or IPv6 address or a host name', parseAddress);
  if (own?.value === '') fault(own.line, 'ip: it is empty');
  const port = read('port', 'a number from 1 to 65535', parsePort);
  const user = read('user', 'a user name', (value) => (/^[^\s\p{Cc}]+$/u.test(value) ? value : undefined));
  const enabled = read('enable', 'True or False', parseBoolean);
  const shell = read('shell', 'auto, posix or raw', parseShell);
  const hostKey = read('host_key', 'a fingerprint as ssh-keygen -l shows it, SHA256:…', parseFingerprint);
  const password = readSecret('password');
  const passphrase = readSecret('passphrase');
  const privateKey = readKey(passphrase);
  const prompt = read('prompt', 'a regular expression for the whole question', parsePattern);
  const agent = readAgent();
  const isLegacy = read('legacy', 'True or False', parseBoolean);
  const jump = readJump(section, entryOf('jump'));

  if (entryOf('user') === undefined) fault(section.line, `[${section.name}] has no user`);
  if (entryOf('password') === undefined && entryOf('key') === undefined && !wantsAgent) {
    fault(section.line, `[${section.name}] has no way to log in: give it a password, key or agent`);
  }
  if (!isSound || ip === undefined || user === undefined) return undefined;
  return {
    name: section.name,
    ip,
    port: port ?? 22,
    user,
    enabled: enabled ?? true,
    shell: shell ?? 'auto',
    ...(password === undefined ? {} : { password }),
    ...(privateKey === undefined ? {} : { privateKey }),
    ...(passphrase === undefined ? {} : { passphrase }),
    ...(agent === undefined ? {} : { agent }),
    ...(jump === undefined ? {} : { jump }),
    ...(hostKey === undefined ? {} : { hostKey }),
    ...(prompt === undefined ? {} : { prompt }),
    ...(isLegacy === true ? { legacy: true } : {}),
  };
}

const VARIABLE = /^[A-Za-z_]\w*$/;

/** `[DEFAULT] jump = bastion` is inherited by the bastion too, which needs none. */
function readJump(section: IniSection, entry: IniEntry | undefined): string | undefined {
  const isInherited = !section.entries.has('jump');
  if (isInherited && entry?.value.toLowerCase() === section.name.toLowerCase()) return undefined;
  return entry?.value;
}

function parseAddress(value: string): string | undefined {
  // `ip = True` is a member of a group that was written into a host's section.
  if (value.length > 253 || parseBoolean(value) !== undefined) return undefined;
  // As it stands in a URL.
  if (/^\[[^[\]]*:[^[\]]*\]$/.test(value)) return parseAddress(value.slice(1, -1));
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

function parsePort(value: string): number | undefined {
  const port = /^\d{1,9}$/.test(value) ? Number(value) : 0;
  return port >= 1 && port <= 65_535 ? port : undefined;
}

function parseShell(value: string): Host['shell'] | undefined {
  const word = value.toLowerCase();
  return word === 'auto' || word === 'posix' || word === 'raw' ? word : undefined;
}

/** Of the whole question, in any case: `password` alone must not fit "Password and code". */
function parsePattern(value: string): RegExp | undefined {
  try {
    return new RegExp(`^(?:${value})$`, 'iu');
  } catch {
    return undefined;
  }
}

/** As OpenSSH writes it, without the padding that other tools add. */
function parseFingerprint(value: string): string | undefined {
  return /^(SHA256:[A-Za-z0-9+/]{43})=?$/.exec(value)?.[1];
}

function expandHome(world: InventoryWorld, path: string): string {
  const home = path.startsWith('~/') ? world.env('HOME') : undefined;
  return home === undefined ? path : home + path.slice(1);
}
