import type { FirstKey } from '../../run/host-key.ts';
import { cleanOutput, shortLine } from './plain.ts';

/** Keys that were not known before, a line each, as the result of this host shows them. */
export function describeFirstKeys(host: string, keys: readonly FirstKey[] = []): readonly string[] {
  return keys.map((key) => {
    const print = `${shortLine(cleanOutput(key.type), 64)} ${key.fingerprint}`;
    const whose = key.host === host ? '' : `jump host ${shortLine(cleanOutput(key.host), 200)}: `;
    return `${whose}${describe(key.how)} ${print}`;
  });
}

function describe(how: FirstKey['how']): string {
  switch (how) {
    case 'believed':
      return 'first contact, its host key was not known before and is trusted from now on:';
    case 'unchecked':
      return 'its host key was not checked, as the policy is off:';
    case 'refused':
      return 'it showed the host key';
    default:
      return how satisfies never;
  }
}
