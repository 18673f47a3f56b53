import type { Sights } from '../../ports/sights.ts';
import type { CopyMeters } from './copy-meters.ts';
import type { LiveJobs } from './live-jobs.ts';

/** Of the jobs of this process. */
export function localSights(
  jobs: Pick<LiveJobs, 'ofHost' | 'ofRun'>,
  copies: Pick<CopyMeters, 'progressOf'>,
): Sights {
  return {
    ofHost: async (runId, host) => jobs.ofHost(runId, host),
    ofRun: async (runId) => ({
      hosts: jobs.ofRun(runId),
      copies: copies.progressOf(runId),
      isPartial: false,
    }),
  };
}
