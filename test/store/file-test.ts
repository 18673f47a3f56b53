import { test } from 'vitest';
import { SERVER_PORT } from './rig.ts';

/** What is so of one process with a file only: on a server it is no test. */
export function fileTest(name: string, run: () => Promise<void>, timeoutMs?: number): void {
  if (SERVER_PORT === undefined) test(name, run, timeoutMs);
}
