/**
 * What a process does of the whole: `all` of it; `bot`: it hears and tells Slack, and holds no secret of any host;
 * `worker`: it logs in to hosts, and holds no token of Slack.
 */
export const ROLES = ['all', 'bot', 'worker'] as const;
export type Role = (typeof ROLES)[number];

/** The processes that share a store, of which each may do a part of the work. */
export interface Crew {
  /** From now on this one is there for its part; until then it counts for nobody. */
  announce(role: Role): Promise<void>;
  /** Whether a process is there that does this part, as of a second or so ago. */
  has(role: Role): boolean;
  /** Those that are there, this one left out. */
  others(): Promise<readonly Member[]>;
  /** Calls back where that has changed which `has` tells. */
  onChange(listener: () => void): void;
  /** Which of the others have jobs of this run on the wire, or the one of this host. */
  whoRuns(runId: string, host?: string): Promise<readonly Member[]>;
  /**
   * Asks a process of that part, or this very one; undefined where nobody answers in time. What is asked and answered
   * lies in the store meanwhile: no secret but what somebody typed.
   */
  ask(of: Role | Member, what: string, words: string, limitMs: number): Promise<string | undefined>;
  /** Answers what the others ask, each by its name. What it throws is nobody's answer. */
  serve(answers: Readonly<Record<string, (words: string) => Promise<string>>>): void;
}

export interface Member {
  readonly id: string;
  readonly role: string;
}
