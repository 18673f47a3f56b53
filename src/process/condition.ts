import type { DiskUse } from '../ports/disk.ts';
import type { Backlog } from '../ports/store.ts';
import type { HealthSource } from './health.ts';

/** How far the bot has come, and the parts that stand: the start adds one after the other. */
export interface Condition {
  phase: 'starting' | 'open' | 'stopping';
  /** What the start waits for, a sentence; empty where it does not. */
  waitingFor: string;
  hasDefect: boolean;
  workspace?: {
    showTrouble(): Promise<string | null>;
    readonly others: { seen(): readonly unknown[] };
  };
  slack?: { isConnected(): boolean; connections(): number | undefined };
  transport?: { kept(): number };
  dispatcher?: {
    stats(): { readonly running: number; readonly waiting: number };
    isFailing(): boolean;
    beat(): Promise<void>;
  };
  poster?: { beat(): Promise<void> };
}

/** Rejects where a run could not be recorded. */
interface Recording {
  ping(): Promise<void>;
}

interface Measured {
  /** What the disk holds, and may. */
  uses(): Promise<readonly DiskUse[]>;
  backlog(): Promise<Backlog>;
}

/** Why a run begun now would not be recorded or not be shown; null where it would. */
export async function findTrouble(bot: Condition, store: Recording): Promise<string | null> {
  try {
    await store.ping();
  } catch (error) {
    return `the store cannot be written: ${error instanceof Error ? error.message : String(error)}`;
  }
  if (bot.slack?.isConnected() !== true) return 'Slack is not connected';
  return (await bot.workspace?.showTrouble()) ?? null;
}

/** What health and metrics are told from. */
export function watch(bot: Condition, store: Recording & Measured, logLinesLost: () => number): HealthSource {
  return {
    keptConnections: () => bot.transport?.kept() ?? 0,
    jobs: () => bot.dispatcher?.stats() ?? { running: 0, waiting: 0 },
    connections: () => bot.slack?.connections(),
    otherBots: () => bot.workspace?.others.seen().length ?? 0,
    logLinesLost,
    uses: () => store.uses(),
    backlog: () => store.backlog(),
    async liveness() {
      if (bot.hasDefect) return 'stopping after a defect';
      await Promise.all([bot.dispatcher?.beat(), bot.poster?.beat()]);
      return null;
    },
    async readiness() {
      if (bot.phase !== 'open') return bot.waitingFor === '' ? bot.phase : `${bot.phase}: ${bot.waitingFor}`;
      const trouble = await findTrouble(bot, store);
      if (trouble !== null) return trouble;
      const uses = await store.uses();
      const full = uses.find(({ what, trouble }) => what === 'database' && trouble !== null);
      if (full?.trouble != null) return `no run is begun: ${full.trouble}`;
      await bot.dispatcher?.beat();
      return bot.dispatcher?.isFailing() === false
        ? null
        : 'the store failed; nothing starts until it works again';
    },
  };
}
