import { codeOf } from '../../errors.ts';
import { showTemporary } from '../part/file-names.ts';
import { Trouble, wordsOf } from '../trouble.ts';

/** SFTP's own codes: draft-ietf-secsh-filexfer-02, section 7. */
export const EOF = 1;
const NO_SUCH_FILE = 2;
const PERMISSION_DENIED = 3;
const FAILURE = 4;
const UNSUPPORTED = 8;

/** What a question is for, as people read it: `renaming`, `/tmp/.x to /tmp/y`. */
export interface Step {
  /**
   * How long its answer may take: `silence` while bytes move, `last` for what has to be done besides, `optional`
   * for what the copy is whole without.
   */
  readonly limit: 'silence' | 'last' | 'optional';
  readonly doing: string;
  readonly path: string;
}

/** A step that did not come about; the next one may. */
export class StepTrouble extends Trouble {
  readonly step: Step;
  /** Without the step. */
  readonly words: string;

  constructor(kind: 'transfer-failed' | 'timed-out', step: Step, words: string) {
    super(kind, showTemporary(`${step.doing} ${step.path}: ${words}`));
    this.step = step;
    this.words = words;
  }
}

/**
 * Why one question was not answered: by the host's no, which has a number, or because the channel ended, of which
 * the library tells in words of its own.
 */
export function refusedStep(step: Step, error: unknown): StepTrouble {
  return typeof codeOf(error) === 'number'
    ? new RemoteRefusal(step, error)
    : new StepTrouble('transfer-failed', step, 'no answer came');
}

/** The host's no to one question: it did not do it. */
export class RemoteRefusal extends StepTrouble {
  readonly isNoSuchFile: boolean;
  readonly isDenied: boolean;
  /** Without a reason: OpenSSH says no more of a full disk, and of most other things. */
  readonly isBare: boolean;

  constructor(step: Step, error: unknown) {
    const code = codeOf(error);
    const said = wordsOf(error);
    const isBare = code === FAILURE && /^(failure)?[.!]?$/i.test(said.trim());
    super('transfer-failed', step, refusalWords(code, said, isBare));
    this.isNoSuchFile = code === NO_SUCH_FILE;
    this.isDenied = code === PERMISSION_DENIED;
    this.isBare = isBare;
  }
}

function refusalWords(code: string | number | undefined, said: string, isBare: boolean): string {
  if (code === NO_SUCH_FILE) return 'no such file or folder';
  if (code === PERMISSION_DENIED) return 'permission denied';
  if (code === UNSUPPORTED) return 'the host does not know how';
  return isBare ? 'the host says only "Failure"' : `the host says: ${said}`;
}
