import PQueue from 'p-queue';
import { Refusal } from '../../errors.ts';
import type { Host } from '../../inventory/inventory.ts';
import type { HostKeyring } from '../../ports/hosts.ts';
import { isSameReport, type KeyReport, knownOf, type TrustableReport } from '../../run/host-key.ts';
import type { FetchedKeys } from '../connection/fetch-keys.ts';
import { findRoute } from '../connection/route.ts';
import { formatSeconds } from '../settings.ts';
import { Trouble } from '../trouble.ts';
import { compareKeys } from './compare.ts';
import { type HostKeys, placeOf } from './host-keys.ts';
import type { Replacement } from './known-hosts-file.ts';

const LOOK_MS = 25_000;
const HOSTS_AT_ONCE = 16;

export interface KeyringSettings {
  readonly hostKeys: HostKeys;
  findHost(name: string): Host | undefined;
  /** All keys of a host, without logging in there; a `Trouble` where it shows none. */
  fetch(host: Host, known: readonly string[], signal: AbortSignal): Promise<FetchedKeys>;
  /** Nothing goes over connections any more that were made to these places. */
  drop(places: ReadonlySet<string>): void;
  /** The bot stops. */
  readonly stop: AbortSignal;
  /** For all hosts of a look together: whoever asked waits for it. */
  readonly lookMs?: number;
}

export function openKeyring(settings: KeyringSettings): HostKeyring {
  const { hostKeys, findHost, fetch, drop, stop, lookMs = LOOK_MS } = settings;
  const { file, policy } = hostKeys;

  async function lookAt(host: Host, signal: AbortSignal): Promise<KeyReport> {
    const place = placeOf(host);
    const unreachable = (reason: string): KeyReport => ({
      kind: 'unreachable',
      host: host.name,
      place,
      reason: signal.aborted ? whyEnded(stop, lookMs) : reason,
    });
    if (!host.enabled) return unreachable('it is taken out (enable = False)');
    try {
      // Going through it means to log in there, which a look at keys is no reason to begin with.
      for (const jump of findRoute(host, findHost).way) {
        if (await hostKeys.isKnown(jump)) continue;
        return unreachable(`its jump host is not trusted yet: \`/batch trust ${jump.name}\` first`);
      }
      if (signal.aborted) return unreachable('');
      await file.look(place);
      const types = file.keysOf(place).map(({ type }) => type);
      const fetched = await fetch(host, types, signal);
      return compareKeys(host, file.find(place), fetched, file.path);
    } catch (error) {
      if (error instanceof Trouble) return unreachable(error.message);
      throw error;
    }
  }

  return {
    policy,
    async look(hosts) {
      const problem = await file.readAgain();
      if (problem !== null) throw new Refusal('not-now', `No host key can be compared: ${problem}.`);
      const signal = AbortSignal.any([AbortSignal.timeout(lookMs), stop]);
      const queue = new PQueue({ concurrency: HOSTS_AT_ONCE });
      return await Promise.all(hosts.map((host) => queue.add(() => lookAt(host, signal))));
    },
    async trust(reports, record) {
      const places = Map.groupBy(reports, ({ place }) => place);
      const replacements = Array.from(places.values()).flatMap(toReplacements);
      const within = (names: ReadonlySet<string>) => reports.filter(({ place }) => names.has(place));
      const result = await file.replace(replacements, (names) => record(within(names)));
      if (result.kind === 'failed') return result;
      drop(result.names);
      const written = within(result.names);
      return { kind: 'done', written, stale: reports.filter((report) => !written.includes(report)) };
    },
  };
}

function whyEnded(stop: AbortSignal, lookMs: number): string {
  return stop.aborted
    ? 'the bot is stopping'
    : `there was no time left for it, ${formatSeconds(lookMs)} are for all hosts together`;
}

/** Of one place; none where its hosts showed different keys: then it is not one machine. */
function toReplacements([first, ...others]: readonly TrustableReport[]): readonly Replacement[] {
  if (first === undefined || !others.every((other) => isSameReport(first, other))) return [];
  const keys = first.offered.map(({ type, base64 }) => ({ type, blob: Buffer.from(base64, 'base64') }));
  return [{ name: first.place, known: knownOf(first).map((key) => key.fingerprint), keys }];
}
