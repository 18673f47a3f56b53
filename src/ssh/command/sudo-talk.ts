import { MARK_NAME } from './mark-filter.ts';
import { callOf, promptOf } from './wrapping/sudo.ts';

/** Of what comes before the command, so much is held back; what is more is let through. */
const MAX_HELD_BYTES = 64 * 1024;
/** What is looked for is no longer than this. */
const MAX_MARK_BYTES = 80;
/** Of sudo's words, for the reason. */
const MAX_SAID_CHARS = 4_096;

/**
 * What sudo says on one stream before it starts the command, taken out of it: our own question for the password, and
 * the lecture. Its warnings stay, and all of it where the command does not begin.
 *
 * - **calling**: sudo was not called yet. What comes is the start-up files'.
 * - **talking**: sudo speaks. Only here a question is answered: what the command says asks nothing.
 * - **open**: the command's mark is there. All that comes is its own.
 */
type State = 'calling' | 'talking' | 'open';

export class SudoTalk {
  readonly #marks: { readonly called: RegExp; readonly prompt: string; readonly begun: RegExp };
  readonly #onPrompt: (() => void) | undefined;
  #state: State = 'calling';
  #held: Buffer[] = [];
  #heldBytes = 0;
  /** The end of what came: each byte is searched about once. */
  #tail = '';
  #said = '';
  #wasCalled = false;

  /** `onPrompt`: left out on a stream on which sudo does not ask. */
  constructor(id: string, onPrompt?: () => void) {
    this.#marks = {
      called: new RegExp(`${callOf(id)}[er]\n`),
      prompt: promptOf(id),
      begun: new RegExp(`${MARK_NAME}-${id}-e[1-9][0-9]{0,9}\n`),
    };
    this.#onPrompt = onPrompt;
  }

  /** Sudo's words, our question left out: of the last it said so much. */
  get said(): string {
    return this.#said;
  }

  get wasCalled(): boolean {
    return this.#wasCalled;
  }

  push(chunk: Buffer): Buffer {
    if (this.#state === 'open') return chunk;
    this.#held.push(chunk);
    this.#heldBytes += chunk.length;
    const seen = this.#tail + chunk.toString('latin1');
    this.#tail = seen.slice(-MAX_MARK_BYTES);
    const found =
      this.#state === 'calling'
        ? this.#marks.called.test(seen)
        : seen.includes(this.#marks.prompt) || this.#marks.begun.test(seen);
    if (found) return this.#turn();
    if (this.#heldBytes <= MAX_HELD_BYTES) return EMPTY;
    const text = this.#take();
    this.#hold(text.slice(-MAX_MARK_BYTES));
    return toBytes(text.slice(0, -MAX_MARK_BYTES));
  }

  /** What is still held back: the command did not begin. */
  end(): Buffer {
    const text = this.#take();
    if (this.#state === 'talking') this.#note(text);
    this.#state = 'open';
    return toBytes(text);
  }

  /** Something is there that was looked for. */
  #turn(): Buffer {
    const text = this.#take();
    if (this.#state === 'calling') {
      const called = this.#marks.called.exec(text);
      const [mark, index] = called === null ? ['', 0] : [called[0], called.index];
      this.#state = 'talking';
      this.#wasCalled = true;
      const before = text.slice(0, index);
      const own = mark.endsWith('r\n') ? withoutLastLine(before) : before;
      return Buffer.concat([toBytes(own), this.push(toBytes(text.slice(index + mark.length)))]);
    }
    const begun = this.#marks.begun.exec(text)?.index ?? Number.POSITIVE_INFINITY;
    const asked = text.indexOf(this.#marks.prompt);
    if (asked >= 0 && asked < begun) {
      const words = text.slice(0, asked);
      this.#note(words);
      this.#onPrompt?.();
      const rest = this.push(toBytes(text.slice(asked + this.#marks.prompt.length)));
      return Buffer.concat([toBytes(warningsOf(words)), rest]);
    }
    const words = text.slice(0, begun);
    this.#note(words);
    this.#state = 'open';
    return toBytes(warningsOf(words) + text.slice(begun));
  }

  #note(words: string): void {
    this.#said = (this.#said + words).slice(-MAX_SAID_CHARS);
  }

  #take(): string {
    const text = Buffer.concat(this.#held).toString('latin1');
    this.#held = [];
    this.#heldBytes = 0;
    this.#tail = '';
    return text;
  }

  #hold(text: string): void {
    this.#held = [toBytes(text)];
    this.#heldBytes = text.length;
    this.#tail = text;
  }
}

const EMPTY = Buffer.alloc(0);

function toBytes(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

/** Such as that its own host name has no address. */
function warningsOf(words: string): string {
  return words
    .split('\n')
    .filter((line) => line.startsWith('sudo: '))
    .map((line) => `${line}\n`)
    .join('');
}

function withoutLastLine(text: string): string {
  return text.slice(0, text.lastIndexOf('\n', text.length - 2) + 1);
}
