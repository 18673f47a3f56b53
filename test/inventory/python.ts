import { spawnSync } from 'node:child_process';

const READER = new URL('../fixtures/inventories/read-with-python.py', import.meta.url).pathname;
const PYTHON = process.env.BATCHOPS_TEST_PYTHON ?? 'python3';

/** Before 3.11 a section's name ended at the first ], and [a]b] was [a]. */
const OLDEST = 'import configparser, sys; sys.exit(sys.version_info < (3, 11))';

export const hasPython = spawnSync(PYTHON, ['-c', OLDEST]).status === 0;

type Pairs = readonly (readonly [string, string])[];
export type PythonReading =
  | { readonly error: string }
  | { readonly defaults: Pairs; readonly sections: readonly (readonly [string, Pairs])[] };

/** What Python's configparser reads in each of the texts, in one process. */
export function readWithPython(texts: readonly string[]): readonly PythonReading[] {
  const run = spawnSync(PYTHON, [READER], {
    input: JSON.stringify({ texts }),
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
  });
  if (run.status !== 0) throw new Error(`python3: ${run.stderr}`);
  const answers: readonly PythonReading[] = JSON.parse(run.stdout);
  return answers;
}
