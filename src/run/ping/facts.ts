import { isSameLogin } from '../../inventory/inventory.ts';
import type { OutcomeKind } from '../outcome.ts';
import type { Abilities, Meeting } from './ping.ts';

/** What is remembered of a login at an address, from the last contacts with it. */
export interface HostFacts {
  readonly host: string;
  readonly ip: string;
  readonly port: number;
  readonly user: string;
  /** `Host.way`. */
  readonly way?: readonly string[];
  /** Of the last contact, whatever came of it. Epoch ms. */
  readonly at: number;
  readonly kind: OutcomeKind;
  /** Of the last login. */
  readonly meeting?: Meeting & { readonly at: number };
  /** Of the last ping. */
  readonly abilities?: Abilities & { readonly at: number };
}

/** What is newer, with what it does not tell from what was known; nothing of that where the login is another one now. */
export function mergeFacts(known: HostFacts | undefined, news: HostFacts): HostFacts {
  if (known === undefined || !isSameLogin(known, news)) return news;
  const { meeting, abilities } = known;
  return { ...(meeting && { meeting }), ...(abilities && { abilities }), ...news };
}
