import type { ClientChannel } from 'ssh2';
import { readInterpreter, type ScriptStart } from '../wrapping/script.ts';

export interface CommandFiles {
  /** In place of the command: what it is, and what it is given. */
  readonly script?: { readonly content: Uint8Array; readonly args: readonly string[] };
  /** What the command reads. */
  readonly stdin?: Uint8Array;
}

/** What goes to the host after the line that starts the command: the script once it asks for it, then what it reads. */
export class CommandInput {
  readonly #files: CommandFiles;
  readonly #channel: () => ClientChannel | undefined;
  #isScriptSent = false;
  #hasBegun = false;

  constructor(files: CommandFiles, channel: () => ClientChannel | undefined) {
    this.#files = files;
    this.#channel = channel;
  }

  /** The host has asked for it: our part has begun there. */
  get isScriptSent(): boolean {
    return this.#isScriptSent;
  }

  /** Once: what comes after it is the command's to read. */
  sendScript(): void {
    const { script } = this.#files;
    if (script === undefined || this.#isScriptSent) return;
    this.#isScriptSent = true;
    this.#channel()?.write(script.content);
  }

  /** The command has begun: nothing on the way to it reads what is its own. */
  sendStdin(): void {
    const { stdin } = this.#files;
    if (stdin === undefined || this.#hasBegun) return;
    this.#hasBegun = true;
    this.#channel()?.write(stdin);
    this.#channel()?.end();
  }
}

const MAX_FIRST_LINE_BYTES = 4_096;

export function startOf({ content, args }: NonNullable<CommandFiles['script']>): ScriptStart {
  const start = Buffer.from(content.subarray(0, MAX_FIRST_LINE_BYTES)).toString();
  return { bytes: content.length, interpreter: readInterpreter(start), args };
}
