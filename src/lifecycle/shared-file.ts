import type { RequestedWork } from '../command/request.ts';
import { nearNames, Refusal } from '../errors.ts';
import type { SharedFile, SharedFiles, TransferFolder } from '../ports.ts';

/** A file from Slack goes to the hosts through the transfer folder, up to this size. */
export const MAX_SHARED_BYTES = 100 * 1024 * 1024;

const PREFIX = /^slack:/i;

/** What a file from Slack is brought here with. */
interface Ways {
  readonly sharedFiles: SharedFiles;
  readonly transfers: TransferFolder;
}

/** `-local slack:NAME`: the name, and the work as it is judged while nobody knows yet which file that is. */
export function nameShared(
  work: RequestedWork,
  channelId: string,
): { readonly name: string; readonly work: RequestedWork & { readonly action: 'put' } } | undefined {
  if (work.action !== 'put' || !PREFIX.test(work.local)) return undefined;
  const name = work.local.replace(PREFIX, '').trim();
  return { name, work: { ...work, local: localNameOf(channelId, name) } };
}

/**
 * Below a folder of its own for each file, so that no name that somebody gave a file in Slack reaches another
 * file: `a b` and `a_b` look alike here, and another of the same name must not take the place of one that a run
 * is being made of.
 */
export function localNameOf(place: string, name: string): string {
  const plain = name
    .replace(/[^A-Za-z0-9._-]+/g, '_')
    .slice(-100)
    .replace(/^[._]+/, '');
  return `slack/${place.replace(/[^A-Za-z0-9]/g, '')}/${plain === '' ? 'file' : plain}`;
}

/** The newest file of this name that was shared in this channel. */
export async function findShared(ways: Ways, channelId: string, name: string): Promise<SharedFile> {
  const files = await ways.sharedFiles.list(channelId);
  const found = files.find((file) => file.name === name);
  if (found === undefined) {
    const near = nearNames(
      name,
      files.map((file) => file.name),
    );
    throw new Refusal('unknown-name', `No file "${name}" was shared in this channel lately.`, {
      remedy:
        near.length === 0
          ? 'Attach it to a message here first; the bot has to be in the channel.'
          : `Did you mean ${near.map((one) => `slack:${one}`).join(' or ')}?`,
      about: 'local',
    });
  }
  checkSize(found);
  return found;
}

export function checkSize(file: SharedFile): void {
  if (file.bytes <= MAX_SHARED_BYTES) return;
  throw new Refusal('usage', `${file.name} is larger than ${MAX_SHARED_BYTES / 1024 / 1024} MiB.`, {
    remedy: 'Put it into the transfer folder, and send it with /batch_scp.',
    about: 'local',
  });
}

export async function fetchShared(ways: Ways, file: SharedFile): Promise<void> {
  const content = await ways.sharedFiles.open(file.id, MAX_SHARED_BYTES);
  await ways.transfers.keep(localNameOf(file.id, file.name), content);
}
