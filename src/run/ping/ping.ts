import type { KeyPrint } from '../host-key.ts';

/** How a login came about, told once for each connection that is made. */
export interface Meeting {
  /** Milliseconds, one after the other: to the host, or through the one on the way; the exchange of keys; the login. */
  readonly tcpMs: number;
  readonly kexMs: number;
  readonly authMs: number;
  readonly key: KeyPrint;
  /** By what its key was trusted. */
  readonly trust: KeyTrust;
  /** What it says of itself: `OpenSSH_9.2p1 Debian-2`. Written by the host. */
  readonly server: string;
}

/** `new`: seen for the first time and written down. `unchecked`: under the policy `off` any key does. */
export type KeyTrust = 'known' | 'pinned' | 'new' | 'unchecked';

/**
 * What `sudo -n -l` tells of the account, without a password and without running anything as another user.
 *
 * - `free`: any command, without a password; `some`: some commands.
 * - `asks`: it asks for a password.
 * - `barred`: the account may not use it. `absent`: there is no sudo.
 * - `unknown`: it said something else, or nothing could be asked.
 */
export const SUDO_KINDS = ['free', 'some', 'asks', 'barred', 'absent', 'unknown'] as const;
export type SudoKind = (typeof SUDO_KINDS)[number];

/** What an account can do on its host. */
export interface Abilities {
  /** Its login shell; empty where no command could be run to ask. Written by the host. */
  readonly shell: string;
  readonly sudo: SudoKind;
  /** Left out where nothing could be asked. */
  readonly sftp?: boolean;
}

/** What a ping found. */
export interface Ping extends Meeting, Abilities {
  /** From the login to the first channel. */
  readonly channelMs: number;
  /** Bytes that are free there, by the host's word; left out where it says nothing. */
  readonly freeHome?: number;
  readonly freeTmp?: number;
}
