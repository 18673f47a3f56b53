/** A value that must not be printed: it shows as `[secret]` in templates, JSON, the log and a debugger. */
export class Secret {
  readonly #value: string;
  /** The path of the file that it was read from; undefined where it was none. */
  readonly file: string | undefined;

  constructor(value: string, file?: string) {
    this.#value = value;
    this.file = file;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return '[secret]';
  }

  toJSON(): string {
    return '[secret]';
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '[secret]';
  }
}

/** For a mask, which has to know what it hides. */
export function revealAll(secrets: readonly Secret[]): readonly string[] {
  return secrets.map((secret) => secret.reveal());
}
