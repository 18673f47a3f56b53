import type { Work } from '../../run/plan.ts';
import type { JailedFolder } from '../transfer-folder.ts';
import { getFolder } from '../tree/get-folder.ts';
import { putFolder } from '../tree/put-folder.ts';
import { getFile } from './get.ts';
import { type Copied, type CopyRun, openCopy } from './open-copy.ts';
import { putFile } from './put.ts';

/**
 * Copies one file, or a folder. A `Trouble` where it did not come about, or a `Refusal` of the transfer folder: then the final
 * name is untouched. What it leaves on the host is noted, for whoever has the connection to remove.
 */
export async function copyFile(
  run: CopyRun,
  folder: JailedFolder,
  work: Extract<Work, { action: 'put' | 'get' }>,
): Promise<Copied> {
  const copy = await openCopy(run);
  try {
    if (work.action === 'put') {
      return work.source.files === undefined
        ? await putFile(copy, folder, work)
        : await putFolder(copy, folder, work);
    }
    return work.options?.folder === true
      ? await getFolder(copy, folder, work, run.maxFetchBytes)
      : await getFile(copy, folder, work, run.maxFetchBytes);
  } finally {
    copy.end();
  }
}
