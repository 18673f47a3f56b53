import { randomBytes } from 'node:crypto';

/** Trigger ids: each opens one modal, once, within three seconds of what the person did. */

interface Trigger {
  readonly user: string;
  /** Where they did it; null outside of channels. */
  readonly channel: string | null;
  readonly madeAt: number;
  isUsed: boolean;
}

export class Triggers {
  readonly #triggers = new Map<string, Trigger>();
  readonly #lifetimeMs: number;
  readonly #now: () => number;

  constructor(lifetimeMs: number, now: () => number) {
    this.#lifetimeMs = lifetimeMs;
    this.#now = now;
  }

  make(user: string, channel: string | null): string {
    const now = this.#now();
    const id = `${now}.${Math.floor(now / 7)}.${randomBytes(16).toString('hex')}`;
    this.#triggers.set(id, { user, channel, madeAt: now, isUsed: false });
    return id;
  }

  /** The person who may see the modal, or the error of views.open. */
  use(id: string): { readonly user: string; readonly channel: string | null } | { readonly error: string } {
    const trigger = this.#triggers.get(id);
    if (trigger === undefined) return { error: 'invalid_trigger_id' };
    if (trigger.isUsed) return { error: 'exchanged_trigger_id' };
    if (this.#now() - trigger.madeAt > this.#lifetimeMs) return { error: 'expired_trigger_id' };
    trigger.isUsed = true;
    return { user: trigger.user, channel: trigger.channel };
  }
}
