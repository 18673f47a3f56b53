import type { LookupFunction } from 'node:net';
import { Names } from '../names/names.ts';

/** One for the process: ten thousand hosts behind one name must not ask ten thousand times. */
const names = new Names();

export const sharedLookup: LookupFunction = names.lookup;

/** One of its addresses where it was looked up already. */
export function knownAddress(name: string): string | undefined {
  return names.firstOf(name);
}
