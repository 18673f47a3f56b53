import type { Readable } from 'node:stream';
import type { ClientChannel } from 'ssh2';
import type { LiveOutput } from '../../run/live-output.ts';
import type { StreamText } from '../../run/outcome.ts';
import { MarkFilter, type Wrapping } from './mark-filter.ts';
import { openStream, type SpooledStream, type StreamSettings } from './spooled-stream.ts';
import { type StartEvents, StartTalk } from './starting/start-talk.ts';

/** More than a message or a window shows of a stream that goes on. */
const LOOKED_AT_BYTES = 8 * 1024;

interface Stream {
  readonly kept: SpooledStream;
  readonly talk: StartTalk | undefined;
  readonly filter: MarkFilter | undefined;
}

/** Where more is needed to start a command than to send it. */
export interface Starting extends StartEvents {
  /** In a terminal both streams are one. */
  readonly inTerminal: boolean;
}

/** What a command says: both streams, without what we put around it, until they are ended from here. */
export class CommandOutput {
  readonly #stdout: Stream;
  readonly #stderr: Stream;
  #channel: ClientChannel | undefined;
  /** Nothing waits for the disk any more: what is under way is no more than a channel's window. */
  #isHurried = false;
  #isEnded = false;

  constructor(settings: StreamSettings, wrapping: Wrapping | undefined, starting?: Starting) {
    const openTalk = (asks: boolean) =>
      wrapping &&
      starting &&
      new StartTalk(wrapping.id, { ...starting, onPrompt: asks ? starting.onPrompt : undefined });
    const open = (name: 'stdout' | 'stderr', asks: boolean): Stream => ({
      kept: openStream(settings, name),
      talk: openTalk(asks),
      filter: wrapping && new MarkFilter(wrapping),
    });
    this.#stdout = open('stdout', starting?.inTerminal === true);
    this.#stderr = open('stderr', starting?.inTerminal !== true);
  }

  /** The number of the process that became the command; undefined where there is no sign of it. */
  get leader(): number | undefined {
    return this.#stderr.filter?.leader ?? this.#stdout.filter?.leader;
  }

  /** What sudo said before the command's mark; all of it only after the end. */
  get sudoSaid(): string {
    return `${this.#stdout.talk?.said ?? ''}${this.#stderr.talk?.said ?? ''}`;
  }

  get wasSudoCalled(): boolean {
    return [this.#stdout, this.#stderr].some(({ talk }) => talk?.wasSudoCalled === true);
  }

  get hasNoScript(): boolean {
    return [this.#stdout, this.#stderr].some(({ talk }) => talk?.hasNoScript === true);
  }

  /** Whether something is kept from being read by our own disk. */
  get isHeldUp(): boolean {
    return [this.#stdout, this.#stderr].some(({ kept }) => kept.isBehind);
  }

  /** The last of what it has said so far. */
  peek(): LiveOutput {
    return {
      stdout: this.#stdout.kept.peek(LOOKED_AT_BYTES),
      stderr: this.#stderr.kept.peek(LOOKED_AT_BYTES),
    };
  }

  /** Both are read to their end, wanted or not: one full stream stalls the other (pitfall 15). */
  attach(channel: ClientChannel, onData: () => void): void {
    this.#channel = channel;
    for (const [source, stream] of this.#sources(channel)) {
      source.on('error', () => {});
      source.on('data', (chunk: Buffer) => {
        this.#write(stream, chunk);
        this.#pace(source, stream.kept);
        onData();
      });
    }
  }

  hurry(): void {
    this.#isHurried = true;
    this.#channel?.resume();
    this.#channel?.stderr.resume();
  }

  /**
   * Takes what came while the disk was waited for, since ssh2 closes a channel whose stderr is still to be read,
   * and nothing after that. Once.
   */
  end(): Promise<readonly [stdout: StreamText, stderr: StreamText]> {
    for (const [source, stream] of this.#channel === undefined ? [] : this.#sources(this.#channel)) {
      for (let chunk = source.read(); chunk !== null; chunk = source.read()) this.#write(stream, chunk);
    }
    this.#isEnded = true;
    for (const { kept, talk, filter } of [this.#stdout, this.#stderr]) {
      if (talk && filter) kept.write(filter.push(talk.end()));
      if (filter) kept.write(filter.end());
    }
    return Promise.all([this.#stdout.kept.end(), this.#stderr.kept.end()]);
  }

  #sources(channel: ClientChannel): readonly (readonly [Readable, Stream])[] {
    return [
      [channel, this.#stdout],
      [channel.stderr, this.#stderr],
    ];
  }

  #write({ kept, talk, filter }: Stream, chunk: Buffer): void {
    if (this.#isEnded) return;
    const said = talk?.push(chunk) ?? chunk;
    kept.write(filter?.push(said) ?? said);
  }

  /** A host may be quicker than the disk: then it is read no faster. */
  #pace(source: Readable, kept: SpooledStream): void {
    if (!kept.isBehind || this.#isHurried || this.#isEnded) return;
    source.pause();
    void kept.caughtUp().then(() => source.resume());
  }
}
