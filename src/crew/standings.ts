import type { Standing } from '../policy/standing.ts';
import type { Crew } from '../ports/crew.ts';
import type { Directory } from '../ports/slack.ts';
import type { Requester } from '../run/plan.ts';
import { answering, askPart } from './asking.ts';

const STANDING = 'standing';
/** Together with what the bot part remembers itself (`slack/asked.ts`) it is never older than ten minutes. */
const FRESH_MS = 45_000;
const PATIENCE_MS = 30_000;

interface Asked {
  readonly requester: Requester;
  readonly channelId: string;
  readonly named: readonly string[];
}

interface Told {
  readonly isGuest: boolean;
  readonly isShared: boolean;
  readonly groups: readonly string[];
  readonly unknownGroups: readonly string[];
}

/** Who people are, for a worker: it has no token of Slack, and asks the part that has. */
export function distantDirectory(crew: Crew, clock: () => number): Directory {
  const known = new Map<string, { readonly told: Promise<Told>; readonly askedAt: number }>();
  return {
    async standingOf(requester, channelId, named): Promise<Standing> {
      const asked: Asked = { requester, channelId, named: [...named] };
      const key = JSON.stringify(asked);
      for (const [old, { askedAt }] of known) if (clock() - askedAt > FRESH_MS) known.delete(old);
      let found = known.get(key);
      if (found === undefined) {
        const told = askPart<Told>(crew, 'bot', STANDING, asked, PATIENCE_MS);
        found = { told, askedAt: clock() };
        known.set(key, found);
        // A no is asked for anew.
        told.catch(() => known.delete(key));
      }
      const { groups, ...rest } = await found.told;
      return { ...rest, groups: new Set(groups) };
    },
  };
}

export function tellStandings(directory: Directory) {
  return {
    [STANDING]: answering<Asked>(async ({ requester, channelId, named }) => {
      const standing = await directory.standingOf(requester, channelId, new Set(named));
      return { ...standing, groups: [...standing.groups] } satisfies Told;
    }),
  };
}
