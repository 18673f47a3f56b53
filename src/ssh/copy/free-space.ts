import { posix } from 'node:path';
import { Trouble } from '../trouble.ts';
import type { Copy } from './open-copy.ts';

/** Less is not worth asking for. */
const ASKED_BYTES = 1024 * 1024;

/** Stops before the first byte where the host says that there is no room. One that does not say is believed to have it. */
export async function checkFreeSpace(
  { sftp }: Copy,
  { folder, missing }: { readonly folder: string; readonly missing: readonly string[] },
  bytes: number,
): Promise<void> {
  if (bytes < ASKED_BYTES) return;
  const [first] = missing;
  const at = first === undefined ? folder : posix.dirname(first);
  const free = await sftp.attempt(sftp.freeSpace(at));
  if ('trouble' in free || free.value.bytes >= bytes) return;
  throw new Trouble(
    'transfer-failed',
    `${bytes} bytes are to come, and ${free.value.bytes} are free in ${at}; nothing was sent`,
  );
}
