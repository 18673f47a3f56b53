import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { ConfigError, showCode } from '../errors.ts';
import { Secret } from '../inventory/secret.ts';
import { decodeText, NotText } from '../inventory/text.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export const DAY_MS = 86_400_000;
const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: DAY_MS };

/**
 * What the environment says, a method a kind of value, with what is wrong on the way and which names were asked for. Every
 * variable may be given as `NAME_FILE=path` instead, as container secrets are; empty is as good as not set. Where a
 * value is wrong its default is told, so that all mistakes are found at once.
 */
export class Variables {
  readonly problems: string[] = [];
  readonly #env: Environment;
  readonly #asked = new Set<string>();

  constructor(env: Environment) {
    this.#env = env;
  }

  text(name: string): string | undefined {
    this.#asked.add(name);
    const direct = this.#env[name]?.trim() || undefined;
    const path = this.#env[`${name}_FILE`]?.trim() || undefined;
    if (path === undefined) return direct;
    if (direct !== undefined) {
      this.problems.push(`${name}: given twice, also as ${name}_FILE; leave one out`);
      return direct;
    }
    try {
      return decodeText(readFileSync(path)).trim() || undefined;
    } catch (error) {
      if (error instanceof NotText) this.problems.push(`${name}_FILE: ${path} ${error.message}`);
      else this.problems.push(`${name}_FILE: cannot read ${path} (${showCode(error)})`);
      return undefined;
    }
  }

  oneOf<T extends string>(name: string, known: readonly T[], fallback: T): T {
    const value = this.text(name);
    if (value === undefined) return fallback;
    const found = known.find((word) => word === value.toLowerCase());
    return found ?? this.#wrong(name, known.join(', '), value, fallback);
  }

  number(name: string, fallback: number, min: number, max: number): number {
    const value = this.text(name);
    if (value === undefined) return fallback;
    const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
    if (number >= min && number <= max) return number;
    return this.#wrong(name, `a whole number from ${min} to ${max}`, value, fallback);
  }

  durationMs(name: string, fallback: number, min: number, max: number): number {
    const value = this.text(name);
    if (value === undefined) return fallback;
    const [, count, unit = ''] = /^(\d{1,6})(s|m|h|d)$/.exec(value.toLowerCase()) ?? [];
    const ms = Number(count ?? Number.NaN) * (UNIT_MS[unit] ?? 0);
    if (ms >= min && ms <= max) return ms;
    const most = max < DAY_MS ? `${max / 3_600_000}h` : `${max / DAY_MS}d`;
    const expected = `a duration from ${min / 1_000}s to ${most}, such as 90s, 10m or 2h`;
    return this.#wrong(name, expected, value, fallback);
  }

  /** How long something is kept: days, or for ever. */
  keepingMs(name: string, fallback: string): number {
    const value = (this.text(name) ?? fallback).toLowerCase();
    if (value === 'forever') return Number.POSITIVE_INFINITY;
    const days = Number(/^(\d{1,5})d$/.exec(value)?.[1] ?? 0);
    return days > 0 ? days * DAY_MS : this.#wrong(name, 'a number of days such as 30d, or forever', value, 0);
  }

  bytes(name: string, fallback: string): number {
    const value = this.text(name) ?? fallback;
    const [, count, unit = ''] = /^(\d{1,6})([kmgt])$/.exec(value.toLowerCase()) ?? [];
    if (count !== undefined) return Number(count) * 1_024 ** (1 + 'kmgt'.indexOf(unit));
    return this.#wrong(name, 'a size such as 500M, 20G or 1T', value, 0);
  }

  token(name: string, prefix: string): Secret | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    // The value itself is never shown: a token in the wrong variable is still a token.
    if (!value.startsWith(prefix)) {
      this.problems.push(`${name}: does not start with ${prefix}; is it another token?`);
    }
    return new Secret(value);
  }

  /** With a slash at its end. */
  url(name: string, fallback: string): string {
    const value = this.text(name) ?? fallback;
    const url = URL.parse(value);
    if (url === null || !/^https?:$/.test(url.protocol)) {
      this.#wrong(name, 'an http or https address', value, undefined);
    }
    return value.endsWith('/') ? value : `${value}/`;
  }

  /** An address or name; IPv6 with or without brackets. */
  host(name: string, fallback: string): string {
    const value = (this.text(name) ?? fallback).replace(/^\[(.*)\]$/, '$1');
    if (isIP(value) !== 0 || /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(value)) return value;
    return this.#wrong(name, 'an address such as 127.0.0.1 or ::, or a name', value, value);
  }

  hostAndPort(name: string, fallback: { readonly host: string; readonly port: number }) {
    const value = this.text(name);
    if (value === undefined) return fallback;
    const [, host, digits] = /^(\[[0-9a-fA-F:.]+\]|[^:\s]+):(\d{1,5})$/.exec(value) ?? [];
    const port = Number(digits);
    if (host === undefined || port > 65_535) return this.#wrong(name, 'HOST:PORT', value, fallback);
    return { host: host.replace(/^\[|\]$/g, ''), port };
  }

  channelId(name: string): string | undefined {
    const value = this.text(name);
    if (value === undefined || /^[CG][A-Z0-9]+$/.test(value)) return value;
    return this.#wrong(name, 'a channel id such as C0123ABCD', value, value);
  }

  paths(name: string, fallback: string): readonly string[] {
    const paths = (this.text(name) ?? fallback).split(',').map((path) => path.trim());
    if (paths.includes('') || new Set(paths).size < paths.length) {
      this.problems.push(`${name}: expected paths, each once, with a comma between them`);
    }
    return paths.filter((path) => path !== '');
  }

  /** `BATCHOPS_…` variables that nobody asked for: most likely a slip of the pen, and worth a line in the log. */
  unknown(): readonly string[] {
    return Object.keys(this.#env).filter(
      (name) => name.startsWith('BATCHOPS_') && !this.#asked.has(name.replace(/_FILE$/, '')),
    );
  }

  /** Throws a `ConfigError` with all that was wrong. */
  check(): void {
    if (this.problems.length > 0) throw new ConfigError(this.problems);
  }

  #wrong<T>(name: string, expected: string, value: string, fallback: T): T {
    this.problems.push(`${name}: expected ${expected}, got "${value}"`);
    return fallback;
  }
}
