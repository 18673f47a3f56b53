import { Refusal } from '../errors.ts';
import type { Host } from '../inventory/inventory.ts';
import type { Call, RequestContext } from '../lifecycle/begin-run.ts';
import { authorizeTrust } from '../policy/authorize.ts';
import { resolveKnown } from '../policy/rights.ts';
import { formatKeyReports } from '../report/keys/look.ts';
import { formatTrusted, type NotWritten } from '../report/keys/trusted.ts';
import type { Answer } from '../report/views/view.ts';
import type { TrustedHost } from '../run/audit-entry.ts';
import {
  areSameKeys,
  isSameReport,
  isTrustable,
  type KeyPrint,
  type KeyReport,
  knownOf,
  type TrustableReport,
} from '../run/host-key.ts';
import type { KeyOffers } from './key-offers.ts';

/** What is looked at is shown in one message, and waited for. */
const MOST_HOSTS = 100;

/** `/batch trust`: the keys that hosts show next to the known ones, and buttons to say yes to them. */
export async function lookAtKeys(
  context: RequestContext,
  call: Call,
  terms: readonly string[],
  offers: KeyOffers,
): Promise<Answer> {
  const hosts = chooseHosts(context, call, terms);
  const { policy } = context.keyring;
  if (policy === 'off') {
    throw new Refusal('not-now', 'No host key is checked here (BATCHOPS_HOST_KEY_POLICY is off).', {
      remedy: 'Under ask or accept-new there are keys to be trusted.',
    });
  }
  const reports = await offers.look(call.requester, () => context.keyring.look(hosts));
  if (policy === 'strict') return formatKeyReports(reports, undefined);
  return await offers.open(call.requester, (offer) => formatKeyReports(reports, offer));
}

/** The yes: what was shown is written, of those hosts that show and are known by the same still. */
export async function trustKeys(
  context: RequestContext,
  call: Call,
  offerId: string,
  offers: KeyOffers,
): Promise<Answer> {
  const shown = await offers.take(offerId, call.requester);
  const hosts = shown.flatMap(({ host }) => context.inventory.hosts.get(host.toLowerCase()) ?? []);
  const others = checkRights(context, call, hosts);
  const reports = await context.keyring.look([...hosts, ...others]);
  const compared = shown.map((was) => ({ was, why: whyNot(was, reports) }));
  const notWritten = compared.flatMap(({ was, why }) => (why === undefined ? [] : [{ host: was.host, why }]));
  const same = compared.filter(({ why }) => why === undefined).map(({ was }) => was);

  const { requester, channelId } = call;
  const result = await context.keyring.trust(same, (written) =>
    context.store.recordTrust({ requester, channelId, hosts: written.map(describe) }),
  );
  if (result.kind === 'failed') {
    throw new Refusal('not-now', `${result.reason}.`);
  }
  const stale = result.stale.map(({ host }): NotWritten => ({ host, why: 'known-by-others' }));
  return formatTrusted(result.written, [...notWritten, ...stale]);
}

function chooseHosts(context: RequestContext, call: Call, terms: readonly string[]): readonly Host[] {
  const { inventory } = context;
  const wanted = { hosts: terms.length === 0 ? ['all'] : terms, groups: [], exclude: [] };
  const { hosts } = resolveKnown(context.allowlist, call.requester, inventory, wanted);
  checkRights(context, call, hosts);
  if (hosts.length > MOST_HOSTS) {
    throw new Refusal(
      'usage',
      `These are ${hosts.length} hosts; keys are shown of ${MOST_HOSTS} at a time.`,
      {
        remedy: 'Ask for fewer, such as /batch trust web[001-100].',
        about: 'hosts',
      },
    );
  }
  return hosts;
}

/** A key is of an address: what is said of one host holds for all that the inventory has there. These others. */
function checkRights(context: RequestContext, call: Call, hosts: readonly Host[]): readonly Host[] {
  const chosen = new Set(hosts);
  const places = new Set(hosts.map(addressOf));
  const others = [...context.inventory.hosts.values()].filter(
    (host) => places.has(addressOf(host)) && !chosen.has(host),
  );
  const names = (some: readonly Host[]) => some.map(({ name }) => name);
  authorizeTrust(context.allowlist, call, names(hosts), names(others));
  return others;
}

function addressOf({ ip, port }: Host): string {
  return `${ip.toLowerCase()} ${port}`;
}

/** Undefined where nothing has changed since it was shown, and no other host shows other keys at its address. */
function whyNot(was: TrustableReport, reports: readonly KeyReport[]): NotWritten['why'] | undefined {
  const now = reports.find(({ host }) => host.toLowerCase() === was.host.toLowerCase());
  if (now === undefined) return 'gone';
  if (now.kind === 'unreachable') return { unreachable: now.reason };
  if (now.place !== was.place) return 'elsewhere';
  if (!areSameKeys(was.offered, now.offered)) return 'other-keys';
  if (now.kind === 'same') return 'already-known';
  if (!isTrustable(now) || !isSameReport(was, now)) return 'known-by-others';
  const isOneMachine = reports.every(
    (other) =>
      other.kind === 'unreachable' || other.place !== was.place || mayBeOne(was.offered, other.offered),
  );
  return isOneMachine ? undefined : 'two-machines';
}

/** A key that was not shown this time says nothing; another one of its type does. */
function mayBeOne(some: readonly KeyPrint[], others: readonly KeyPrint[]): boolean {
  const isThere = (key: KeyPrint) => others.some(({ fingerprint }) => fingerprint === key.fingerprint);
  return (
    some.some(isThere) && some.every((key) => isThere(key) || others.every(({ type }) => type !== key.type))
  );
}

function describe(report: TrustableReport): TrustedHost {
  const keys = report.offered.map(({ type, fingerprint }) => ({ type, fingerprint }));
  return { host: report.host, place: report.place, known: knownOf(report), keys };
}
