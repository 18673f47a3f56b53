import { nearNames, Refusal } from '../errors.ts';
import type { TransferFolder } from '../ports/disk.ts';
import type { SharedFiles } from '../ports/slack.ts';
import type { SentFile } from '../run/plan.ts';
import type { Asking } from '../run/planning.ts';
import type { SharedFile } from '../run/shared-file.ts';

/** A file from Slack goes to the hosts through the transfer folder, up to this size. */
const MAX_SHARED_BYTES = 100 * 1024 * 1024;

const PREFIX = /^slack:/i;

/** What a file from Slack is brought here with. */
export interface SharedFileSource {
  readonly sharedFiles: SharedFiles;
  readonly transfers: TransferFolder;
}

/** What `-local slack:NAME` names; undefined where it is a file of the folder. */
export function sharedName(local: string): string | undefined {
  return PREFIX.test(local) ? local.replace(PREFIX, '').trim() : undefined;
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

/**
 * The newest file of this name that this person shared in this channel: anybody could share another one of the
 * name. Somebody else's is sent where it is named by its id.
 */
export async function findShared(
  { sharedFiles }: SharedFileSource,
  { channelId, requester }: Asking,
  name: string,
): Promise<SharedFile> {
  const files = await sharedFiles.list(channelId);
  const own = files.filter(({ uploader }) => uploader === requester.userId);
  const found = files.find(({ id }) => id === name) ?? own.find((file) => file.name === name);
  if (found === undefined) throw notShared(name, files, own);
  checkSize(found);
  return found;
}

function notShared(name: string, files: readonly SharedFile[], own: readonly SharedFile[]): Refusal {
  const others = files.find((file) => file.name === name);
  const near = nearNames(
    name,
    own.map((file) => file.name),
  );
  let remedy = 'Attach it to a message here first; the bot has to be in the channel.';
  if (near.length > 0) remedy = `Did you mean ${near.map((one) => `slack:${one}`).join(' or ')}?`;
  if (others !== undefined) {
    remedy = `The newest of that name is of ${others.uploader || 'somebody else'}: slack:${others.id} sends it.`;
  }
  return new Refusal('unknown-name', `You shared no file "${name}" in this channel lately.`, {
    remedy,
    about: 'local',
  });
}

export function checkSize(file: SharedFile): void {
  if (file.bytes <= MAX_SHARED_BYTES) return;
  throw new Refusal('usage', `${file.name} is larger than ${MAX_SHARED_BYTES / 1024 / 1024} MiB.`, {
    remedy: 'Put it into the transfer folder, and send it with /batch_scp.',
    about: 'local',
  });
}

/** Brings a file of Slack's into the transfer folder, under a name that no other one has. */
export async function fetchShared(files: SharedFileSource, file: SharedFile): Promise<SentFile> {
  const { id, name, bytes, uploader } = file;
  const local = localNameOf(id, name);
  await files.transfers.keep(
    local,
    { bytes, open: () => files.sharedFiles.open(id, MAX_SHARED_BYTES) },
    { kind: 'shared', id, by: uploader },
  );
  const source = await files.transfers.digestSource(local);
  if (source.bytes !== bytes) {
    throw new Refusal(
      'not-now',
      `${name} is not the file any more that was asked for, so nothing was sent.`,
      {
        remedy: 'Ask again, and look at the preview.',
        about: 'local',
      },
    );
  }
  return { local, source, shared: { id, uploader } };
}
