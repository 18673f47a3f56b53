import { nearNames, showCode } from '../../errors.ts';
import { isFillable, OWN_WORDS } from '../fill.ts';
import { findEntry, type IniEntry, type IniFile, type IniSection } from '../ini.ts';
import { didYouMean, type Problems, showName } from '../problems.ts';
import { Secret } from '../secret.ts';
import { NotText } from '../text.ts';
import { hintAt } from './host-values.ts';

/** What the inventory needs of the machine it is read on. Both may be asked for the same thing often. */
export interface InventorySources {
  /** What `env:`, `file:`, `key` and `agent` name is looked at by whoever logs in, and nobody else. */
  readonly withoutSecrets?: true;
  env(name: string): string | undefined;
  /** The file's text; throws where it cannot be read, a `NotText` where it is none. A relative path is as the process resolves it. */
  readFile(path: string): string;
  /** What would keep a login from using a key file's text, by what will use it; undefined where nothing does. */
  findKeyFault(text: string, passphrase: string | undefined): KeyFault | undefined;
  /**
   * The same of a certificate's file, and of the key (its file's text, or its fingerprint) that it has to be of; a
   * sentence's end. Where nothing says so, no certificate is taken.
   */
  findCertificateFault?(
    text: string,
    key: string | undefined,
    passphrase: string | undefined,
  ): string | undefined;
}

export interface KeyFault {
  /** Which of the two is at fault. */
  readonly key: 'key' | 'passphrase';
  /** A sentence's end, behind `key: `. */
  readonly fault: string;
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
  'cert',
  'sudo_password',
] as const;
export type HostKey = (typeof HOST_KEYS)[number];

export function checkHostKeys(section: IniSection, problems: Problems): void {
  for (const [key, { line }] of section.entries) {
    if (HOST_KEYS.some((known) => known === key) || /^var_[a-z_][a-z0-9_]{0,63}$/.test(key)) continue;
    problems.at(line, `unknown key ${showName(key)} of a host.${didYouMean(nearNames(key, HOST_KEYS))}`);
  }
}

const VARIABLE = /^[A-Za-z_]\w*$/;

/** A section with `ip`, read key by key; what is wrong with it is told as it is come upon. */
export class HostSection {
  readonly #file: IniFile;
  readonly #section: IniSection;
  readonly #sources: InventorySources;
  readonly #problems: Problems;
  #isSound = true;

  constructor(file: IniFile, section: IniSection, sources: InventorySources, problems: Problems) {
    this.#file = file;
    this.#section = section;
    this.#sources = sources;
    this.#problems = problems;
  }

  /** Whether nothing was wrong so far. */
  get isSound(): boolean {
    return this.#isSound;
  }

  fault(line: number, problem: string): undefined {
    this.#isSound = false;
    this.#problems.at(line, problem);
  }

  /** Its own, or what it inherits. `key =` without a value takes back what [DEFAULT] says. */
  entry(key: HostKey): IniEntry | undefined {
    const entry = findEntry(this.#file, this.#section, key);
    return entry === undefined || entry.value === '' ? undefined : entry;
  }

  /** The value as `parse` understands it; a fault says what was expected, never what stands there. */
  read<T>(key: HostKey, expected: string, parse: (value: string) => T | undefined): T | undefined {
    const entry = this.entry(key);
    if (entry === undefined) return undefined;
    const value = parse(entry.value);
    return value ?? this.fault(entry.line, `${key}: expected ${expected}${hintAt(entry.value)}`);
  }

  readFile(key: HostKey, line: number, path: string): string | undefined {
    try {
      return this.#sources.readFile(this.expandHome(path));
    } catch (error) {
      if (error instanceof NotText) return this.fault(line, `${key}: the file it names ${error.message}`);
      return this.fault(line, `${key}: cannot read the file it names (${showCode(error)})`);
    }
  }

  /** A secret as it stands there, or out of the variable `env:NAME` or the file `file:PATH`. */
  readSecret(key: 'password' | 'passphrase' | 'sudo_password'): Secret | undefined {
    const entry = this.entry(key);
    if (entry === undefined) return undefined;
    if (entry.isLiteral === true) return new Secret(entry.value);
    const [, kind, name = ''] = /^(env|file):(.*)$/s.exec(entry.value) ?? [];
    if (kind !== undefined && this.#sources.withoutSecrets) return undefined;
    if (kind === 'env') {
      if (!VARIABLE.test(name)) {
        return this.fault(entry.line, `${key}: what follows env: is no variable's name`);
      }
      const value = this.#sources.env(name);
      return value ? new Secret(value) : this.fault(entry.line, `${key}: the variable ${name} is not set`);
    }
    if (kind === 'file') {
      const text = this.readFile(key, entry.line, name.trim());
      if (text === undefined) return undefined;
      const value = text.replace(/\r?\n$/, '');
      return value === ''
        ? this.fault(entry.line, `${key}: the file it names is empty`)
        : new Secret(value, this.expandHome(name.trim()));
    }
    return new Secret(entry.value);
  }

  /** Its own variables and those it inherits. */
  readVariables(): ReadonlyMap<string, string> {
    const variables = new Map<string, string>();
    for (const [key, { line, value }] of [...this.#file.defaults.entries, ...this.#section.entries]) {
      if (!key.startsWith('var_')) continue;
      const name = key.slice('var_'.length);
      if (OWN_WORDS.some((own) => own === name)) this.fault(line, `${key}: {${name}} is every host's own`);
      else if (value === '') variables.delete(name);
      else if (isFillable(value)) variables.set(name, value);
      else {
        this.fault(
          line,
          `${key}: expected letters, digits and _ . / : , = + @ % - (it is put into commands, and no shell may read it otherwise)${hintAt(value)}`,
        );
      }
    }
    return variables;
  }

  expandHome(path: string): string {
    const home = path.startsWith('~/') ? this.#sources.env('HOME') : undefined;
    return home === undefined ? path : home + path.slice(1);
  }
}
