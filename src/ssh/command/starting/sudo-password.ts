import type { ClientChannel } from 'ssh2';
import type { Trial, TwiceRefused } from '../../login/credential-trials.ts';
import { quoteHost } from '../../trouble.ts';
import type { Verdict } from '../ending.ts';
import type { SudoLogin } from '../wrapping/sudo.ts';

/** How a command is run as somebody else. */
export interface Sudo extends SudoLogin {
  /** A host whose sudo wants a terminal around it (requiretty) gets one; both streams are one then. */
  readonly inTerminal: boolean;
  /** Asked right before the password goes out: what became of it on other hosts of the run. */
  readonly beginTrial: () => Promise<Trial | TwiceRefused>;
}

/**
 * The password on its way to sudo: to the first of sudo's questions, and once. A second question means that the first
 * answer was wrong, and is answered by the end of what sudo reads.
 */
export class SudoPassword {
  readonly #sudo: Sudo;
  readonly #channel: () => ClientChannel | undefined;
  readonly #onGivenUp: () => void;
  #asked = 0;
  #trial: Trial | undefined;
  #refusedBy: readonly string[] | undefined;

  /** `onGivenUp`: sudo is not answered any more, and ends by itself soon. */
  constructor(sudo: Sudo, channel: () => ClientChannel | undefined, onGivenUp: () => void) {
    this.#sudo = sudo;
    this.#channel = channel;
    this.#onGivenUp = onGivenUp;
  }

  async answer(): Promise<void> {
    this.#asked += 1;
    const { password, beginTrial } = this.#sudo;
    if (this.#asked > 1 || password === undefined) {
      if (this.#asked > 1) this.#trial?.refused();
      this.giveUp();
      return;
    }
    const trial = await beginTrial();
    if ('refusedBy' in trial) {
      this.#refusedBy = trial.refusedBy;
      this.giveUp();
      return;
    }
    this.#trial = trial;
    this.#channel()?.write(`${password}\n`);
  }

  giveUp(): void {
    this.#channel()?.end();
    this.#onGivenUp();
  }

  /** The command began, so what was asked was answered. */
  accepted(): void {
    this.#trial?.accepted();
  }

  /** Nothing comes any more. */
  over(): void {
    this.#trial?.dropped();
  }

  /** Why sudo did not start the command. */
  judge(said: string): Verdict {
    const { user, password } = this.#sudo;
    if (this.#refusedBy !== undefined) {
      const hosts = [...new Set(this.#refusedBy)];
      const by = hosts.length === 1 ? `twice by ${hosts[0]}` : `by ${hosts.join(' and ')}`;
      return end(
        'skipped',
        `the password for sudo was refused ${by} in this run, and is given to no more hosts in it`,
      );
    }
    if (this.#asked > 1 || WRONG_PASSWORD.test(said)) {
      this.#trial?.refused();
      return end('auth-failed', 'sudo refused the password that the inventory has for it; it was tried once');
    }
    if (WANTS_PASSWORD.test(said) && password === undefined) {
      return end(
        'auth-failed',
        'sudo wants a password here, and the inventory has none for it (`sudo_password`)',
      );
    }
    const words = lastWords(said);
    if (NOT_ALLOWED.test(said))
      return end('not-run', `sudo does not let this login do it as ${user}${words}`);
    return end('not-run', `sudo did not start the command as ${user}${words}`);
  }
}

/** As sudo has them in English, which it is told to speak (sudo 1.8 and 1.9; sudo-rs has some of its own). */
const WRONG_PASSWORD = /incorrect password|incorrect authentication|Sorry, try again/i;
const WANTS_PASSWORD = /a password is required|interactive authentication is required/i;
const NOT_ALLOWED = /not in the sudoers|is not allowed to|may not run sudo|not permitted/i;

function end(kind: Verdict['kind'], why: string): Verdict {
  return { kind, exitCode: null, signal: null, reason: `${why}; the command did not begin` };
}

function lastWords(said: string): string {
  const line = said.trimEnd().split('\n').at(-1) ?? '';
  return line === '' ? '' : `: ${quoteHost(line)}`;
}
