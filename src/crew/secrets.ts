import type { Mask } from '../gather/mask.ts';
import { findSecret, type SecretKind } from '../gather/scan.ts';
import type { Crew } from '../ports/crew.ts';
import type { TransferFolder } from '../ports/disk.ts';
import type { FetchedFile } from '../thread/facts.ts';
import { answering, askPart } from './asking.ts';

const SECRET = 'find-secret';
/** Less than a message may take to be made; where nobody answers, it is asked again later. */
const PATIENCE_MS = 8_000;
const MAX_BYTES = 50 * 1024 * 1024;

/** A bot that knows no secret of a host does not know one in a file: who does is asked. */
export function distantSecrets(crew: Crew): (file: FetchedFile) => Promise<SecretKind | undefined> {
  return async ({ path, sha256 }) =>
    (await askPart<SecretKind | null>(crew, 'worker', SECRET, { path, sha256 }, PATIENCE_MS)) ?? undefined;
}

export function tellSecrets(
  transfers: TransferFolder,
  maskNow: () => Mask,
  digest: (bytes: Uint8Array<ArrayBuffer>) => Promise<string>,
) {
  return {
    [SECRET]: answering<FetchedFile>(async ({ path, sha256 }) => {
      const bytes = await transfers.read(path, MAX_BYTES);
      // Not shared with the bot, or another one by now: it stays where it is.
      if (bytes === null || (await digest(bytes)) !== sha256) return 'unseen';
      return await findSecret(bytes, maskNow());
    }),
  };
}
