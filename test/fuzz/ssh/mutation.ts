/** How one host misbehaves; all of it comes out of its seed. */
export interface Mutation {
  readonly seed: number;
  /** `bytes`: no SSH at all, or only its first line. `packets`: SSH, of which each n-th packet is changed. */
  readonly does: 'bytes' | 'packets';
  /** From which packet on, and each how many-th. */
  readonly from: number;
  readonly every: number;
}

export const PASSWORD = 'hunter2hunter2';

/** The address of the n-th host, and which one it is. */
export const addressOf = (index: number): string => `127.90.${index >> 8}.${index & 255}`;
export function indexOf(address: string): number {
  const [high, low] = address.split('.').slice(-2).map(Number);
  return (high ?? 0) * 256 + (low ?? 0);
}
