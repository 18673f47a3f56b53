import type { Secret } from './secret.ts';

/** One machine of the inventory, with all that is needed to log in. */
export interface Host {
  /** As the section is spelt; looked up in any case. */
  readonly name: string;
  readonly ip: string;
  readonly port: number;
  readonly user: string;
  /** False: the host is taken out; it is reported as skipped wherever it would have been used. */
  readonly enabled: boolean;
  readonly password?: Secret;
  /** The private key's text, already read from the file that `key` names; with an agent, it may be a public key. */
  readonly privateKey?: Secret;
  readonly passphrase?: Secret;
  /** Which of the agent's keys to offer, `SHA256:…`. */
  readonly agentKey?: string;
  /** An OpenSSH certificate of the key: the text of its file. */
  readonly certificate?: string;
  /** And its path: certificates are renewed while the bot runs. */
  readonly certificateFile?: string;
  /** What sudo is given where it asks; without one, sudo is not to ask. */
  readonly sudoPassword?: Secret;
  /** `var_NAME = …`, by lower-case name. */
  readonly variables?: ReadonlyMap<string, string>;
  /** The agent's socket. */
  readonly agent?: string;
  /** The names of other hosts of the inventory to go through, the nearest to us first. */
  readonly jump?: readonly string[];
  /** All that are gone through, `root@10.0.0.1:22`: an address behind others means another machine behind others. */
  readonly way?: readonly string[];
  /** What a question for the password looks like as a whole, where a host has words of its own for it. */
  readonly prompt?: RegExp;
  /** A pinned fingerprint, `SHA256:…`. */
  readonly hostKey?: string;
  /** Old ways to agree on a session are offered too, where the host has no other: SHA-1, MD5, CBC, compression. */
  readonly legacy?: true;
  /**
   * What reads our part of a command: `auto` any login shell, `posix` one that reads POSIX itself, `raw` none: the
   * command is sent as typed, and what the host answers is taken.
   */
  readonly shell: 'auto' | 'posix' | 'raw';
}

export interface Group {
  readonly name: string;
  /** Hosts, nested groups expanded, in inventory order. Members set to False are not in it. */
  readonly hosts: readonly Host[];
  /** Members written down as False. */
  readonly left: readonly string[];
}

/** Who logs in where, behind which hosts. */
export type Login = Pick<Host, 'ip' | 'port' | 'user' | 'way'>;

/** What was allowed on a host, and what is remembered of it, is of a login: its name may mean another one by now. */
export function isSameLogin(a: Login, b: Login): boolean {
  return a.ip === b.ip && a.port === b.port && a.user === b.user && a.way?.join() === b.way?.join();
}

export interface Inventory {
  /** In file order. Keys are lower-case names. */
  readonly hosts: ReadonlyMap<string, Host>;
  readonly groups: ReadonlyMap<string, Group>;
  /** Every secret value in it, to be masked on every way out. */
  readonly secrets: readonly Secret[];
  /** What is legal and most likely not meant, a `file:line: …` each. */
  readonly warnings: readonly string[];
  /** It is the inventory as far as one person may know it: a name that is not in it may be there all the same. */
  readonly isPart?: true;
}
