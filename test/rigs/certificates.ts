import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KeyPair } from '../../src/sandbox/fleet/key-pair.ts';
import { makeKeyPair } from './sshd.ts';

export interface Authority extends AsyncDisposable {
  /** What sshd's `TrustedUserCAKeys` names. */
  readonly file: string;
  /** The text of a certificate; `options` are ssh-keygen's, such as `-V -2d:-1d`. */
  sign(key: KeyPair, options: readonly string[]): Promise<string>;
}

/** OpenSSH's own, with a key of its own. */
export async function startAuthority(): Promise<Authority> {
  const folder = await mkdtemp(join(tmpdir(), 'batchops-ca-'));
  const authority = makeKeyPair();
  const keyFile = join(folder, 'ca');
  await writeFile(keyFile, `${authority.private.trimEnd()}\n`, { mode: 0o600 });
  await writeFile(`${keyFile}.pub`, `${authority.public}\n`);
  let signed = 0;
  return {
    file: `${keyFile}.pub`,
    async sign(key, options) {
      const file = join(folder, `key${signed++}`);
      await writeFile(`${file}.pub`, `${key.public}\n`);
      execFileSync('ssh-keygen', ['-q', '-s', keyFile, '-I', 'a test', ...options, `${file}.pub`]);
      return await readFile(`${file}-cert.pub`, 'utf8');
    },
    async [Symbol.asyncDispose]() {
      await rm(folder, { recursive: true, force: true });
    },
  };
}
