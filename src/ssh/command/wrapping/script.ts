/** A script as it is sent: how many bytes will come, what reads it, and what it is given. */
export interface ScriptStart {
  readonly bytes: number;
  /** Its `#!` line, split as the kernel does; `sh` where it has none. */
  readonly interpreter: readonly [program: string, ...argument: string[]];
  readonly args: readonly string[];
}

/**
 * Where it lies on the host while it runs, in a folder for its user alone. The id is on our command line, so everybody on
 * the host knows the name before it is there: only a folder that we made ourselves is ours, which `mkdir` alone can tell.
 */
const folderOf = (id: string) => `"\${TMPDIR:-/tmp}/batchops-${id}"`;
/** Nor does a link in the folder's place lead to a file of this name. */
const placeOf = (id: string) => `"\${TMPDIR:-/tmp}/batchops-${id}/batchops-${id}"`;

/** As the kernel reads the first line: a program, and all that follows as one argument. */
export function readInterpreter(text: string): ScriptStart['interpreter'] {
  const [line = ''] = text.split('\n', 1);
  if (!line.startsWith('#!')) return ['sh'];
  const words = line.slice(2).trim();
  const space = words.search(/[ \t]/);
  return space < 0 ? [words] : [words.slice(0, space), words.slice(space).trim()];
}

/**
 * Asks for the script and puts it down; where less comes than was said (we died, the disk is full), what reads it is
 * not there, or its place is taken, nothing is run. `interpreter`: the place of its program among the words.
 */
export function receiveScript(id: string, bytes: number, interpreter: string): string {
  const at = placeOf(id);
  return (
    `command -v ${interpreter} >/dev/null||{ echo "not found: "${interpreter}>&2;echo "$0-$1-x";exit 126;};` +
    `(umask 077;mkdir ${folderOf(id)})||{ echo "$0-$1-x";exit 126;};` +
    `(umask 077;echo "$0-$1-w";head -c ${bytes} >${at});` +
    `[ "$(wc -c 2>/dev/null <${at}|tr -d " ")" = ${bytes} ]||{ ${removeScript(id)};echo "$0-$1-x";exit 126;};`
  );
}

/** Whatever else comes of it: by the process that watches over the command. */
export function removeScript(id: string): string {
  return `rm -f ${placeOf(id)};rmdir ${folderOf(id)}`;
}

/** `words`: its interpreter, `args`: what it is given, as they stand in the script that starts it. */
export function execScript(id: string, words: readonly string[], args: readonly string[]): string {
  return `exec ${[...words, placeOf(id), ...args].join(' ')}`;
}
