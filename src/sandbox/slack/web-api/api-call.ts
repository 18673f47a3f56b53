import { isRecord, type Json, parseJson } from '../json.ts';

/** An answer `{ok: false, error}` in Slack's own name for it. */
export class ApiError extends Error {
  readonly code: string;
  readonly extra: Json;

  constructor(code: string, extra: Json = {}) {
    super(code);
    this.code = code;
    this.extra = extra;
  }
}

/** The arguments of a call: all strings where the body is a form, with JSON inside; typed where it is JSON. */
export class Arguments {
  readonly #values: Json;

  constructor(values: Json) {
    this.#values = values;
  }

  get names(): readonly string[] {
    return Object.keys(this.#values);
  }

  has(name: string): boolean {
    return this.#values[name] !== undefined && this.#values[name] !== null;
  }

  text(name: string): string | undefined {
    const value = this.#values[name];
    if (typeof value === 'number') return String(value);
    return typeof value === 'string' ? value : undefined;
  }

  required(name: string): string {
    const value = this.text(name);
    if (value === undefined || value === '') throw missing(name);
    return value;
  }

  flag(name: string): boolean | undefined {
    const value = this.#values[name];
    if (value === true || value === 'true' || value === '1' || value === 1) return true;
    if (value === false || value === 'false' || value === '0' || value === 0) return false;
    return undefined;
  }

  integer(name: string, fallback: number): number {
    const value = this.text(name);
    if (value === undefined || value === '') return fallback;
    const number = Number(value);
    if (!Number.isInteger(number)) throw new ApiError('invalid_arguments');
    return number;
  }

  /** A structure: JSON inside a form's string, or as it is. `malformed` is the error where it is no JSON. */
  json(name: string, malformed: string): unknown {
    const value = this.#values[name];
    if (typeof value !== 'string') return value;
    const parsed = parseJson(value);
    if (parsed === undefined) throw new ApiError(malformed);
    return parsed;
  }

  record(name: string, malformed: string): Json | undefined {
    const value = this.json(name, malformed);
    if (value === undefined || value === null) return undefined;
    if (!isRecord(value)) throw new ApiError(malformed);
    return value;
  }
}

/** `invalid_arguments`, with what is wrong as Slack's `response_metadata.messages`. */
export function refuseArguments(...messages: readonly string[]): ApiError {
  return new ApiError('invalid_arguments', { response_metadata: { messages } });
}

export function missing(name: string): ApiError {
  return refuseArguments(`[ERROR] missing required field: ${name}`);
}
