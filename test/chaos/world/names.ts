import { simulatedAddress } from '../../rigs/simulated/simulated-hosts.ts';

export const CHANNELS = 80;

export function channelId(n: number): string {
  if (n >= CHANNELS) throw new Error(`there are ${CHANNELS} channels`);
  return `C0CHAOS${String(n).padStart(2, '0')}`;
}

export function nameOf(n: number): string {
  return `h${String(n).padStart(4, '0')}`;
}

export function addressOf(host: string): string {
  return simulatedAddress(Number(host.slice(1)));
}
