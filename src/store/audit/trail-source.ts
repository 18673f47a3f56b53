import type { Kysely } from 'kysely';
import type { Schema } from '../schema.ts';

/** How the tables are seen by somebody who only reads. */
export interface TrailSource {
  /** A view of one's own, which holds up nobody. */
  open(): View | Promise<View>;
  /** What the administrator can mend, in a sentence; anything else goes on as the defect it is. */
  asConfigError(error: unknown): unknown;
}

export interface View {
  readonly db: Kysely<Schema>;
  close(): Promise<void>;
}
