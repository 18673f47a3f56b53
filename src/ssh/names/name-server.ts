import { type LookupAddress, promises } from 'node:dns';
import { codeOf } from '../../errors.ts';
import { watchFile } from './hosts-file.ts';

/** Of one name server; then once more, twice as long. A connection has three seconds in all. */
const FIRST_TRY_MS = 700;
const TRIES = 2;

/** What a name server said: addresses, and for how long they hold; `silent`: nothing, so that asking it again costs as long. */
export type Said =
  | { readonly kind: 'addresses'; readonly addresses: readonly LookupAddress[]; readonly ttlMs: number }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'silent' };

/**
 * Asks the name servers of `resolv.conf` over sockets of the event loop: one that is dead keeps nobody else waiting, as
 * the system's own look-up does, which sits on one of the four threads that files and names of the whole process share.
 */
export class NameServers {
  readonly #refresh: () => Promise<void>;
  #resolver: promises.Resolver;

  /** `servers`: others than those that the machine has. */
  constructor(resolvConf: string, servers?: readonly string[]) {
    this.#resolver = openResolver(servers);
    // It reads the file as it is made.
    this.#refresh = watchFile(resolvConf, async () => {
      this.#resolver = openResolver(servers);
    });
  }

  async ask(name: string): Promise<Said> {
    await this.#refresh();
    const resolver = this.#resolver;
    const families = await Promise.allSettled([
      resolver.resolve6(name, { ttl: true }),
      resolver.resolve4(name, { ttl: true }),
    ]);
    const records = families.flatMap((one, i) =>
      one.status === 'fulfilled' ? one.value.map((record) => ({ ...record, family: i === 0 ? 6 : 4 })) : [],
    );
    if (records.length > 0) {
      const addresses = records.map(({ address, family }) => ({ address, family }));
      return { kind: 'addresses', addresses, ttlMs: Math.min(...records.map(({ ttl }) => ttl)) * 1_000 };
    }
    const isSilent = families.some((one) => one.status === 'rejected' && codeOf(one.reason) === 'ETIMEOUT');
    return { kind: isSilent ? 'silent' : 'nothing' };
  }
}

function openResolver(servers: readonly string[] | undefined): promises.Resolver {
  const resolver = new promises.Resolver({ timeout: FIRST_TRY_MS, tries: TRIES });
  if (servers !== undefined) resolver.setServers(servers);
  return resolver;
}
