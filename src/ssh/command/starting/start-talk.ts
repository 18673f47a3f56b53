import { MARK_NAME } from '../mark-filter.ts';

/** Of what comes before the command, so much is held back; what is more is let through. */
const MAX_HELD_BYTES = 64 * 1024;
/** What is looked for is no longer than this. */
const MAX_MARK_BYTES = 80;
/** Of sudo's words, for the reason. */
const MAX_SAID_CHARS = 4_096;

/** What is to be done about what comes before a command. */
export interface StartEvents {
  /** Sudo asks; left out on a stream on which it does not. */
  readonly onPrompt?: (() => void) | undefined;
  /** The host waits for the script. */
  readonly onScriptWanted: () => void;
}

/**
 * What comes on one stream before the command does, without what is ours: sudo's question for the password, as we have
 * it ask, its lecture, and the words with which our part asks for a script. Sudo's warnings stay, and all that it said
 * where the command does not begin.
 *
 * - **starting**: what comes is the start-up files'.
 * - **talking**: sudo was called, and speaks. Only here its question is answered: what the command says asks nothing.
 * - **open**: the command's mark is there. All that comes is its own.
 */
type State = 'starting' | 'talking' | 'open';

export class StartTalk {
  readonly #mark: RegExp;
  readonly #events: StartEvents;
  #state: State = 'starting';
  #held: Buffer[] = [];
  #heldBytes = 0;
  /** The end of what came: each byte is searched about once. */
  #tail = '';
  #said = '';
  #wasCalled = false;
  #hasNoScript = false;

  constructor(id: string, events: StartEvents) {
    this.#mark = new RegExp(`${MARK_NAME}-${id}-(?:s([er])\n|(p):|(w)\n|(x)\n|[er][1-9][0-9]{0,9}\n)`);
    this.#events = events;
  }

  /** Sudo's words, our question left out: of the last it said so much. */
  get said(): string {
    return this.#said;
  }

  get wasSudoCalled(): boolean {
    return this.#wasCalled;
  }

  /** The script did not come to lie on the host. */
  get hasNoScript(): boolean {
    return this.#hasNoScript;
  }

  push(chunk: Buffer): Buffer {
    if (this.#state === 'open') return chunk;
    this.#held.push(chunk);
    this.#heldBytes += chunk.length;
    const seen = this.#tail + chunk.toString('latin1');
    this.#tail = seen.slice(-MAX_MARK_BYTES);
    if (this.#mark.test(seen)) return this.#turn();
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
    const found = this.#mark.exec(text);
    if (found === null) return toBytes(text);
    const [mark, called, asked, wanted, failed] = found;
    const words = text.slice(0, found.index);
    const rest = () => this.push(toBytes(text.slice(found.index + mark.length)));
    if (this.#state === 'starting' && called !== undefined) {
      this.#state = 'talking';
      this.#wasCalled = true;
      return Buffer.concat([toBytes(called === 'r' ? withoutLastLine(words) : words), rest()]);
    }
    if (this.#state === 'talking') this.#note(words);
    const own = toBytes(this.#state === 'talking' ? warningsOf(words) : words);
    if (asked !== undefined && this.#state === 'talking') this.#events.onPrompt?.();
    else if (wanted !== undefined) this.#events.onScriptWanted();
    else if (failed !== undefined) this.#hasNoScript = true;
    else {
      this.#state = 'open';
      return Buffer.concat([own, toBytes(text.slice(found.index))]);
    }
    return Buffer.concat([own, rest()]);
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
