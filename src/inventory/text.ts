/** A file that is read as text and is none. The message is a sentence's end: `is not UTF-8 (line 3)`. */
export class NotText extends Error {
  override readonly name = 'NotText';
  /** From 1; undefined where it is the file as a whole. */
  readonly line: number | undefined;

  constructor(message: string, line?: number) {
    super(message);
    this.line = line;
  }
}

const NEWLINE = 0x0a;

/**
 * Bytes → text, where not one of them is lost: what is not UTF-8 would become U+FFFD, and a password another
 * one. Only `#` and `;` comments may be in another encoding, where the file has such.
 */
export function decodeText(bytes: Uint8Array, comments: 'none' | 'full-line' = 'none'): string {
  const [first, second] = bytes;
  const hasMark = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  if (hasMark || bytes.includes(0)) {
    throw new NotText('is UTF-16 or no text at all; save it as UTF-8');
  }
  const strict = new TextDecoder('utf-8', { fatal: true });
  try {
    return strict.decode(bytes);
  } catch {
    return decodeLines(bytes, comments, strict);
  }
}

function decodeLines(bytes: Uint8Array, comments: 'none' | 'full-line', strict: TextDecoder): string {
  const lines: string[] = [];
  for (let start = 0; start <= bytes.length; ) {
    const newline = bytes.indexOf(NEWLINE, start);
    const end = newline === -1 ? bytes.length : newline;
    const line = bytes.subarray(start, end);
    try {
      lines.push(strict.decode(line));
    } catch {
      const text = new TextDecoder('latin1').decode(line);
      if (comments === 'none' || !/^[ \t]*[#;]/.test(text)) {
        const number = lines.length + 1;
        throw new NotText(`is not UTF-8 (line ${number}); save it as UTF-8`, number);
      }
      lines.push('#');
    }
    start = end + 1;
  }
  return lines.join('\n');
}
