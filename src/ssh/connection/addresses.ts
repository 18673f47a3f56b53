import { type LookupAddress, lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';

/** Long enough for one run over a fleet, short enough that nobody waits for a changed record. */
const LOOKUP_MS = 10_000;

interface Lookup {
  readonly at: number;
  readonly addresses: Promise<readonly LookupAddress[]>;
  /** Once it is there. */
  first?: string | undefined;
}

const lookups = new Map<string, Lookup>();

/** Node looks names up on four threads: ten thousand hosts behind one name must not ask ten thousand times. */
export const sharedLookup: LookupFunction = (name, options, done) => {
  const family = options.family === 4 || options.family === 6 ? options.family : 0;
  addressesOf(name).then(
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

function addressesOf(name: string): Promise<readonly LookupAddress[]> {
  const known = lookups.get(name);
  if (known && Date.now() - known.at < LOOKUP_MS) return known.addresses;
  const addresses = new Promise<LookupAddress[]>((resolve, reject) => {
    lookup(name, { all: true }, (error, found) => (error ? reject(error) : resolve(found)));
  });
  const one: Lookup = { at: Date.now(), addresses };
  lookups.set(name, one);
  // A failure is not kept: the next one asks again.
  addresses.then(
    ([first]) => {
      one.first = first?.address;
    },
    () => lookups.delete(name),
  );
  return addresses;
}

/** One of its addresses where it was looked up already. */
export function knownAddress(name: string): string | undefined {
  return lookups.get(name)?.first;
}
