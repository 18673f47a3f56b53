/**
 * What can go wrong, sorted by whose hands can mend it.
 *
 * | trouble of          | is                | and reaches                                        |
 * | the operator        | `Refusal`, thrown | the operator: the only error text Slack ever sees  |
 * | the administrator   | `ConfigError`     | stderr at start (exit 78)                          |
 * | the world (a host)  | an `Outcome`      | the thread; a value, never thrown                  |
 * | us                  | anything else     | the log, under an id that the operator is shown    |
 */

export type RefusalCode =
  | 'usage' // the words do not parse
  | 'unknown-name' // a host, group, run or file that does not exist
  | 'not-allowed' // no rule covers it
  | 'cannot-post' // the bot may not write where it was asked
  | 'not-now'; // the run's state does not permit it, or the bot is stopping

/** A no to the operator. Its text is written for people: it names the thing, the place and the remedy. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: RefusalCode;
  /** What to do about it, a sentence. */
  readonly remedy: string | undefined;
  /** The usage lines to show below, where the words were at fault. */
  readonly usage: string | undefined;

  constructor(code: RefusalCode, message: string, more: { remedy?: string; usage?: string } = {}) {
    super(message);
    this.code = code;
    this.remedy = more.remedy;
    this.usage = more.usage;
  }
}

/** All that is wrong with the settings and files, one `place: problem` line each. Never holds a secret. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}
