/** A command as it is sent, and how what it says is told from what we put around it. */
export interface Wrapping {
  /** Nobody can guess it, and no two commands share it. */
  readonly id: string;
  readonly text: string;
  /** What of `text` is shown to nobody, should the host quote it, and what is shown in its place. */
  readonly ours: string;
  readonly theirs: string;
  /** The account's shell is started twice, and its start-up files may speak twice. */
  readonly isStartedTwice: boolean;
}

export const MARK_NAME = 'batchops';

/** Start-up files may speak first; what comes after this much is let through as it comes. */
const MAX_HELD_BYTES = 64 * 1024;
/** The mark, a letter, a process number and the end of the line. */
const NUMBER_BYTES = 12;

/**
 * Takes our mark out of one stream of a command: `batchops-ID-e4711`, on a line that comes before anything the
 * command can say. It proves that the command began. The line that we send never holds it in one piece, so a host
 * that only repeats what it got proves nothing.
 *
 * - **waiting**: nothing is let through, so that a host that quotes our line shows the command as typed instead.
 * - **passing**: too much has come to be held. The mark is still looked for.
 * - **comparing**: the mark was there. What the start-up files said before is left out where it comes again.
 * - **open**: all is the command's own.
 */
type State =
  | { readonly at: 'waiting'; readonly held: Buffer[]; heldBytes: number }
  | { readonly at: 'passing' }
  | { readonly at: 'comparing'; readonly before: Buffer; same: number }
  | { readonly at: 'open' };

export class MarkFilter {
  readonly #wrapping: Wrapping;
  readonly #mark: string;
  #state: State = { at: 'waiting', held: [], heldBytes: 0 };
  /** The end of what came, where the mark may have begun: each byte is searched once. */
  #tail: Buffer = EMPTY;
  #leader: number | undefined;

  constructor(wrapping: Wrapping) {
    this.#wrapping = wrapping;
    this.#mark = `${MARK_NAME}-${wrapping.id}-`;
  }

  /** The number of the process that became the command; undefined while there is no sign of it. */
  get leader(): number | undefined {
    return this.#leader;
  }

  push(chunk: Buffer): Buffer {
    const state = this.#state;
    switch (state.at) {
      case 'open':
        return chunk;
      case 'comparing':
        return this.#compare(state, chunk);
      case 'passing':
      case 'waiting':
        return this.#search(state, chunk);
      default:
        return state satisfies never;
    }
  }

  /** What is still held back. */
  end(): Buffer {
    const state = this.#state;
    this.#state = { at: 'open' };
    switch (state.at) {
      case 'waiting':
        return this.#withoutOurs(Buffer.concat(state.held));
      case 'passing':
        return this.#tail;
      case 'comparing':
        return state.before.subarray(0, state.same);
      case 'open':
        return EMPTY;
      default:
        return state satisfies never;
    }
  }

  #search(state: State & { at: 'waiting' | 'passing' }, chunk: Buffer): Buffer {
    const seen = Buffer.concat([this.#tail, chunk]);
    const found = this.#find(seen);
    if (found === undefined) {
      this.#tail = seen.subarray(Math.max(0, seen.length - this.#mark.length - NUMBER_BYTES));
      if (state.at === 'passing') return seen.subarray(0, seen.length - this.#tail.length);
      state.held.push(chunk);
      state.heldBytes += chunk.length;
      if (state.heldBytes <= MAX_HELD_BYTES) return EMPTY;
      this.#state = { at: 'passing' };
      return this.#withoutOurs(Buffer.concat(state.held).subarray(0, -this.#tail.length));
    }
    this.#leader = found.leader;
    const rest = seen.subarray(found.end);
    if (state.at === 'passing') {
      this.#state = { at: 'open' };
      return Buffer.concat([seen.subarray(0, found.start), rest]);
    }
    const start = state.heldBytes - this.#tail.length + found.start;
    const all = Buffer.concat([...state.held, chunk]).subarray(0, start);
    const before = found.isRefusedFirst ? withoutLastLine(all) : all;
    this.#tail = EMPTY;
    this.#state =
      this.#wrapping.isStartedTwice && before.length > 0
        ? { at: 'comparing', before, same: 0 }
        : { at: 'open' };
    return Buffer.concat([before, this.push(rest)]);
  }

  #find(seen: Buffer) {
    for (let start = seen.indexOf(this.#mark); start >= 0; start = seen.indexOf(this.#mark, start + 1)) {
      const from = start + this.#mark.length;
      const said = seen.toString('latin1', from, from + NUMBER_BYTES);
      const [line, how, number] = /^([er])([1-9]\d{0,9})\n/.exec(said) ?? [];
      if (line !== undefined) {
        return { start, end: from + line.length, leader: Number(number), isRefusedFirst: how === 'r' };
      }
    }
    return undefined;
  }

  #compare(state: State & { at: 'comparing' }, chunk: Buffer): Buffer {
    const { before, same } = state;
    const length = Math.min(before.length - same, chunk.length);
    if (before.subarray(same, same + length).equals(chunk.subarray(0, length))) {
      state.same += length;
      if (state.same === before.length) this.#state = { at: 'open' };
      return chunk.subarray(length);
    }
    this.#state = { at: 'open' };
    return Buffer.concat([before.subarray(0, same), chunk]);
  }

  #withoutOurs(said: Buffer): Buffer {
    const { ours, theirs } = this.#wrapping;
    if (!said.includes(ours)) return said;
    return Buffer.from(
      said.toString('latin1').replaceAll(ours, () => Buffer.from(theirs).toString('latin1')),
      'latin1',
    );
  }
}

const EMPTY = Buffer.alloc(0);

/** That of a restricted shell, which says that it does not do `exec`. */
function withoutLastLine(said: Buffer): Buffer {
  const line = said.lastIndexOf('\n', said.length - 2);
  return said.at(-1) === 0x0a ? said.subarray(0, line + 1) : said;
}
