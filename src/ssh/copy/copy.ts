import type { Work } from '../../run/plan.ts';
import type { JailedFolder } from '../transfer-folder.ts';
import { getFile } from './get.ts';
import { type Copied, type CopyRun, openCopy } from './open-copy.ts';
import { putFile } from './put.ts';

/**
 * Copies one file. A `Trouble` where it did not come about, or a `Refusal` of the transfer folder: then the final
 * name is untouched. What it leaves on the host is noted, for whoever has the connection to remove.
 */
export async function copyFile(
  run: CopyRun,
  folder: JailedFolder,
  work: Exclude<Work, { action: 'run' }>,
): Promise<Copied> {
  const copy = await openCopy(run);
  try {
    return work.action === 'put'
      ? await putFile(copy, folder, work)
      : await getFile(copy, folder, work, run.maxFetchBytes);
  } finally {
    copy.end();
  }
}
