import { type LookupAddress, lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import PQueue from 'p-queue';
import { within } from '../../time/within.ts';
import { HostsFile } from './hosts-file.ts';
import { NameServers } from './name-server.ts';

/** An answer holds as long as its record says, within these; that there is no such name, for the shorter one. */
const SHORTEST_MS = 5_000;
const LONGEST_MS = 60_000;
/** The system does not say how long. */
const SYSTEM_MS = 10_000;
/** All of it: a connection has three seconds. */
const PATIENCE_MS = 2_700;
const MOST_NAMES = 20_000;

interface Known {
  /** By the steady clock, in ms; infinite while it is being looked up. */
  until: number;
  readonly addresses: Promise<readonly LookupAddress[]>;
  first?: string | undefined;
}

interface Answer {
  readonly addresses: readonly LookupAddress[];
  readonly holdsMs: number;
}

export interface NameSources {
  readonly hostsFile?: string;
  readonly servers?: readonly string[];
  /** The least time that an answer holds. */
  readonly shortestMs?: number;
  /** The system's own way. Default: `getaddrinfo`. */
  readonly askSystem?: (name: string) => Promise<readonly LookupAddress[]>;
}

/**
 * Names of hosts → addresses, each asked for once, however many connections wait for it. In the system's usual order:
 * `/etc/hosts`, then name servers, both families. Only where these say that there is nothing (search domains, mDNS and
 * directories are not theirs), or the name has no dot, the system is asked as well, one name at a time: it takes a
 * thread until it has an answer, and the rest of the process needs the others.
 */
export class Names {
  readonly #known = new Map<string, Known>();
  readonly #hosts: HostsFile;
  readonly #servers: NameServers;
  readonly #askSystem: (name: string) => Promise<readonly LookupAddress[]>;
  readonly #shortestMs: number;
  readonly #system = new PQueue({ concurrency: 1 });

  constructor(sources: NameSources = {}) {
    const { hostsFile = '/etc/hosts', servers, shortestMs = SHORTEST_MS, askSystem = askOfSystem } = sources;
    this.#shortestMs = shortestMs;
    this.#hosts = new HostsFile(hostsFile);
    this.#servers = new NameServers('/etc/resolv.conf', servers);
    this.#askSystem = askSystem;
  }

  /** As `dns.lookup`, for sockets. */
  readonly lookup: LookupFunction = (name, options, done) => {
    const family = options.family === 4 || options.family === 6 ? options.family : 0;
    this.find(name).then(
      (addresses) => {
        const fitting = family === 0 ? addresses : addresses.filter((one) => one.family === family);
        const [first] = fitting;
        if (first === undefined) done(Object.assign(new Error('no address'), { code: 'ENOTFOUND' }), '', 0);
        else if (options.all === true) done(null, [...fitting]);
        else done(null, first.address, first.family);
      },
      (error: NodeJS.ErrnoException) => done(error, '', 0),
    );
  };

  /** One of its addresses where it was looked up already. */
  firstOf(name: string): string | undefined {
    return this.#known.get(keyOf(name))?.first;
  }

  /** Empty where there is none; throws what has the code `EAI_AGAIN` where that is not known just now. */
  find(name: string): Promise<readonly LookupAddress[]> {
    const key = keyOf(name);
    const known = this.#known.get(key);
    if (known !== undefined && performance.now() < known.until) return known.addresses;
    const waiting = { isOver: false };
    const late = (): never => {
      waiting.isOver = true;
      return notNow();
    };
    const answer = within(this.#ask(key, waiting), { ms: PATIENCE_MS, late });
    const one: Known = {
      until: Number.POSITIVE_INFINITY,
      addresses: answer.then(({ addresses }) => addresses),
    };
    this.#known.delete(key);
    this.#known.set(key, one);
    const [oldest] = this.#known.keys();
    if (this.#known.size > MOST_NAMES && oldest !== undefined) this.#known.delete(oldest);
    answer.then(
      ({ addresses, holdsMs }) => {
        one.until = performance.now() + holdsMs;
        one.first = addresses[0]?.address;
      },
      // A failure is not kept: the next one asks again.
      () => {
        one.until = 0;
      },
    );
    return one.addresses;
  }

  async #ask(name: string, waiting: { readonly isOver: boolean }): Promise<Answer> {
    const listed = await this.#hosts.find(name);
    // The file says so itself: a change is seen at once.
    if (listed !== undefined) return { addresses: listed, holdsMs: 0 };
    if (name.includes('.')) {
      const said = await this.#servers.ask(name);
      if (said.kind === 'silent') return notNow();
      if (said.kind === 'addresses') {
        const holdsMs = Math.min(LONGEST_MS, Math.max(this.#shortestMs, said.ttlMs));
        return { addresses: said.addresses, holdsMs };
      }
    }
    const turn = () => (waiting.isOver ? notNow() : this.#askSystem(name));
    const addresses = await this.#system.add(turn);
    return { addresses, holdsMs: addresses.length === 0 ? this.#shortestMs : SYSTEM_MS };
  }
}

/** A dot at the end says that it is whole, which is all that is asked for here. */
function keyOf(name: string): string {
  const lower = name.toLowerCase();
  return lower.endsWith('.') ? lower.slice(0, -1) : lower;
}

function notNow(): never {
  throw Object.assign(new Error('no name server answers'), { code: 'EAI_AGAIN' });
}

function askOfSystem(name: string): Promise<readonly LookupAddress[]> {
  return new Promise((resolve, reject) => {
    lookup(name, { all: true }, (error, found) => {
      if (error?.code === 'ENOTFOUND') resolve([]);
      else if (error) reject(error);
      else resolve(found);
    });
  });
}
