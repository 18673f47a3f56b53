import type { KeyPrint } from '../../run/host-key.ts';
import { cleanOutput, shortLine } from '../text/plain.ts';

const NAME_CHARS = 120;

/** As people compare it. */
export function formatPrint({ type, fingerprint }: KeyPrint): string {
  return `${fingerprint} ${shortLine(cleanOutput(type), 64)}`;
}

/** A host's name, or its place in known_hosts. */
export function shortName(name: string): string {
  return shortLine(cleanOutput(name), NAME_CHARS);
}
