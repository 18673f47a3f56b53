import { createHash } from 'node:crypto';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Host } from '../../../src/inventory/inventory.ts';
import type { Execution } from '../../../src/ports/hosts.ts';
import type { Outcome } from '../../../src/run/outcome.ts';
import { openTransferFolder } from '../../../src/ssh/transfer-folder.ts';
import { startSshServer } from '../../rigs/ssh-server.ts';
import { memoryOrigins } from '../memory-origins.ts';
import { execution, passwordHost, type TransportRig } from '../rig.ts';
import { type SftpLog, type SftpScript, serveMemory } from './memory-sftp.ts';

export const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex');

export async function place(
  rig: TransportRig,
  local: string,
  bytes: Uint8Array | string,
  mode = 0o644,
): Promise<void> {
  const path = join(rig.folder, 'transfers', local);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, bytes);
  await chmod(path, mode);
}

export async function put(
  rig: TransportRig,
  host: Host,
  local: string,
  remote: string,
  how: Partial<Execution> = {},
): Promise<Outcome> {
  const source = await openTransferFolder(join(rig.folder, 'transfers'), memoryOrigins()).digestSource(local);
  return rig.transport.execute(host, { action: 'put', local, remote, source }, execution(how));
}

export function get(
  rig: TransportRig,
  host: Host,
  remote: string,
  local: string,
  how: Partial<Execution> = {},
) {
  return rig.transport.execute(host, { action: 'get', local, remote }, execution(how));
}

/** A host of which everything stands in memory, and that does as the script says. */
export async function openMemory(script: Partial<SftpScript> = {}) {
  const files = new Map([['/tmp/', Buffer.alloc(0)], ...(script.files ?? [])]);
  const log: SftpLog = { opened: [], removed: [] };
  const server = await startSshServer({ onSftp: (sftp) => serveMemory(sftp, { ...script, files }, log) });
  return {
    server,
    files,
    log,
    host: passwordHost(server.port),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
