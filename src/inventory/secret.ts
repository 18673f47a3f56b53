/** A value that must not be printed: it shows as `[secret]` in templates, JSON, the log and a debugger. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
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
