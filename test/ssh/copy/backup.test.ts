import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openTransferFolder } from '../../../src/ssh/transfer-folder.ts';
import { memoryOrigins } from '../memory-origins.ts';
import { execution, openRig } from '../rig.ts';
import { openMemory, place } from './copy-rig.ts';

describe('-backup on a host that gives no second names', () => {
  test.each([
    ['a file', 'new', '/tmp/f', ['/tmp/f'], { backup: true }],
    ['a folder', 'site', '/tmp/', ['/tmp/site/', '/tmp/site/f'], { backup: true, folder: true }],
  ] as const)(
    'of %s: said before the first byte, and nothing there has changed',
    async (_, local, remote, there, options) => {
      const files = new Map(there.map((path) => [path, Buffer.from(path.endsWith('/') ? '' : 'old')]));
      await using memory = await openMemory({ files });
      await using rig = await openRig();
      await mkdir(join(rig.folder, 'transfers/site'), { recursive: true });
      await place(rig, 'new', 'new content');
      await place(rig, 'site/f', 'new content');
      const transfers = openTransferFolder(join(rig.folder, 'transfers'), memoryOrigins());
      const source = await transfers.digestSource(local, 'folder' in options);
      const before = [...memory.files];
      const outcome = await rig.transport.execute(
        memory.host,
        { action: 'put', local, remote, source, options },
        execution(),
      );
      expect(outcome.kind).toBe('transfer-failed');
      expect(outcome.reason).toMatch(/-backup: the host gives no second name to \S+, so nothing was sent/);
      expect([...memory.files]).toEqual(before);
      expect(memory.log.opened.filter((path) => path.includes('.part'))).toEqual([]);
    },
  );
});
