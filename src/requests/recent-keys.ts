/** Slack brings a request again within minutes. */
const MAX_KEPT = 10_000;

/** Requests that were taken up by this process lately, whatever came of them. */
export class RecentKeys {
  readonly #keys = new Set<string>();

  /** Whether it was noted before. */
  note(key: string): boolean {
    if (this.#keys.has(key)) return true;
    this.#keys.add(key);
    const [oldest] = this.#keys;
    if (oldest !== undefined && this.#keys.size > MAX_KEPT) this.#keys.delete(oldest);
    return false;
  }
}
