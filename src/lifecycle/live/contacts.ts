import type { HostFactsStore } from '../../ports/records.ts';
import type { Outcome, OutcomeKind } from '../../run/outcome.ts';
import type { HostFacts } from '../../run/ping/facts.ts';
import { mergeFacts } from '../../run/ping/facts.ts';
import type { Abilities, Meeting } from '../../run/ping/ping.ts';
import type { Target } from '../../run/plan.ts';

/** What comes within it is one write: facts are of no use to the run that they come from. */
const FLUSH_MS = 2_000;

export interface ContactsSettings {
  readonly store: Pick<HostFactsStore, 'remember'>;
  readonly now: () => number;
  readonly mask: (text: string) => string;
  readonly onTrouble: (error: unknown) => void;
}

/** How it was logged in at a target, and what came of the job there. */
export interface Contact {
  readonly target: Target;
  readonly outcome: Outcome;
  readonly meeting: Meeting | undefined;
}

/** Remembers of each host what the last contact told. A crash loses what the last two seconds did. */
export class Contacts {
  readonly #settings: ContactsSettings;
  #news = new Map<string, HostFacts>();
  #timer: NodeJS.Timeout | undefined;

  constructor(settings: ContactsSettings) {
    this.#settings = settings;
  }

  note({ target, outcome, meeting }: Contact): void {
    if (!wasContact(outcome.kind)) return;
    const { now, mask } = this.#settings;
    const { host, ip, port, user, way } = target;
    const at = now();
    const facts: HostFacts = {
      host,
      ip,
      port,
      user,
      ...(way && { way }),
      at,
      kind: outcome.kind,
      ...(meeting && { meeting: { ...meeting, server: mask(meeting.server), at } }),
      ...(outcome.ping && { abilities: { ...abilitiesOf(outcome.ping), at } }),
    };
    const key = host.toLowerCase();
    this.#news.set(key, mergeFacts(this.#news.get(key), facts));
    this.#timer ??= setTimeout(() => void this.flush(), FLUSH_MS).unref();
  }

  /** Never rejects: what is not remembered is found out again. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const news = [...this.#news.values()];
    this.#news = new Map();
    if (news.length === 0) return;
    await this.#settings.store.remember(news).catch(this.#settings.onTrouble);
  }
}

function abilitiesOf({ shell, sudo, sftp }: Abilities): Abilities {
  return { shell, sudo, ...(sftp !== undefined && { sftp }) };
}

/** Whether anything was sent towards the host. */
function wasContact(kind: OutcomeKind): boolean {
  return kind !== 'skipped' && kind !== 'interrupted' && kind !== 'cancelled';
}
