import type { Mask } from '../gather/mask.ts';
import type { Host } from '../inventory/inventory.ts';
import type { Origins, Room } from '../ports/disk.ts';
import type { Leftovers } from '../ports/hosts.ts';
import type { Log } from '../ports/log.ts';
import type { Meters } from '../ports/meters.ts';
import type { HostKeys } from './host-keys/host-keys.ts';
import type { CopyLimits } from './sftp/limits.ts';
import type { SpoolFolder } from './spool/spool-folder.ts';

export interface TransportSettings {
  readonly hostKeys: HostKeys;
  /** A host of the inventory by its name, as `jump` has it. */
  findHost(name: string): Host | undefined;
  /** Asked for each job: the inventory may have been read again. */
  secretsMask(): Mask;
  /** All that `-local` can name. */
  readonly transferDir: string;
  readonly origins: Origins;
  /** For what is fetched into it; without one, as much as the disk takes. */
  readonly room?: Room;
  /** Takes output beyond what is kept in memory; without one it is only counted. */
  readonly spool?: SpoolFolder;
  /** What is made on hosts and has to be gone again. */
  readonly leftovers: Leftovers;
  readonly log: Log;
  readonly meters?: Meters;
  /** How long an unused connection is kept for the next command. Default a quarter of an hour. */
  readonly idleMs?: number;
  /** How many unused connections may be kept while so many jobs are on the wire. Default 1,000. */
  readonly mostKept?: (jobs: number) => number;
  /** The largest file that is fetched. Default 1 GiB. */
  readonly maxFetchBytes?: number;
  readonly deadlines?: Partial<Deadlines>;
  readonly copyLimits?: Partial<CopyLimits>;
}

/** How long each phase may take: a host that falls silent in any of them costs that long and no longer. */
export interface Deadlines {
  /** DNS and TCP. */
  readonly connectMs: number;
  /** From the first byte of SSH to being logged in. */
  readonly handshakeMs: number;
  readonly channelMs: number;
  /** After the command's end, until the channel is closed from here: a background process keeps it open. */
  readonly lingerMs: number;
  /** Between asking a command to end and ending it. */
  readonly killGraceMs: number;
  /** After a command's time limit, until its host ends it by itself: we may not be there any more to do it. */
  readonly hostMarginMs: number;
  /** After saying goodbye, until the socket is torn down. */
  readonly disconnectMs: number;
  readonly keepaliveMs: number;
  /** Before each further try at a connection that fell over before it was used. */
  readonly retryDelaysMs: readonly number[];
}

export const DEFAULT_DEADLINES: Deadlines = {
  connectMs: 3_000,
  handshakeMs: 15_000,
  channelMs: 10_000,
  lingerMs: 2_000,
  killGraceMs: 5_000,
  hostMarginMs: 10_000,
  disconnectMs: 5_000,
  keepaliveMs: 10_000,
  retryDelaysMs: [500, 1_500],
};

export const DEFAULT_IDLE_MS = 15 * 60_000;
export const DEFAULT_MAX_FETCH_BYTES = 1024 ** 3;

/** A limit, as reasons name it. */
export function formatSeconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
}

/** As OpenSSH writes it in known_hosts, and as people know it. */
export function formatAddress(host: Host): string {
  return host.ip.includes(':') ? `[${host.ip}]:${host.port}` : `${host.ip}:${host.port}`;
}
