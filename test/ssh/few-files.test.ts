import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { startSshServer } from '../rigs/ssh-server.ts';

const PROGRAM = new URL('few-files-process.ts', import.meta.url).pathname;
const HOSTS = 120;

test('where the process has as many files open as it may, hosts wait for one: none is left out, or said to be unreachable', {
  timeout: 60_000,
}, async () => {
  await using server = await startSshServer({}, '0.0.0.0');
  const limited = `ulimit -n 64; exec "${process.execPath}" ${PROGRAM} ${server.port} ${HOSTS}`;
  const { stdout } = await promisify(execFile)('/bin/sh', ['-c', limited]);
  const { outcomes, errors } = JSON.parse(stdout);
  expect(new Set(outcomes)).toEqual(new Set(['ok ']));
  expect(outcomes).toHaveLength(HOSTS);
  expect(server.commands).toHaveLength(HOSTS);
  expect(errors).toEqual([]);
});
