import {
  chmod,
  chown,
  type FileHandle,
  lstat,
  mkdir,
  open,
  readdir,
  readlink,
  rename,
  rmdir,
  stat,
  truncate,
  unlink,
  utimes,
} from 'node:fs/promises';
import { posix } from 'node:path';
import ssh2, { type SFTPWrapper } from 'ssh2';
import { HOME, type HostFolder } from './host-folder.ts';
import {
  applyAttributes,
  describeEntry,
  describeError,
  formatAttributes,
  formatName,
  parseOpenFlags,
  parseStrings,
  resolvePath,
  SftpError,
} from './sftp-wire.ts';

const { STATUS_CODE } = ssh2.utils.sftp;
const ENTRIES_PER_ANSWER = 64;
/** OpenSSH's own server answers at most this much to one READ. */
const MAX_READ_BYTES = 256 * 1024;

type Handle =
  | { readonly kind: 'file'; readonly file: FileHandle }
  | { readonly kind: 'folder'; readonly path: string; readonly rest: string[] };

/**
 * Serves one SFTP channel from the host's folder, and nothing outside of it: `/tmp/x` is `<root>/tmp/x`, and a
 * link that leads out is refused. Each request is answered once; requests in flight at the same time are worked
 * on at the same time, as a client's pump expects.
 *
 * RENAME replaces the target at once: ssh2's server cannot announce `posix-rename@openssh.com` (its VERSION
 * packet is a constant, lib/protocol/SFTP.js), though a client that asks for it anyway is served.
 */
export function serveSftp(host: HostFolder, sftp: SFTPWrapper): void {
  const handles = new Map<number, Handle>();
  let lastHandle = 0;

  const answer = (reqId: number, work: () => Promise<unknown>): void => {
    work().catch((error: unknown) => {
      const { status, message } = describeError(error);
      sftp.status(reqId, status, message);
    });
  };
  const answerOk = (reqId: number, work: () => Promise<unknown>): void =>
    answer(reqId, async () => {
      await work();
      sftp.status(reqId, STATUS_CODE.OK);
    });
  const keep = (reqId: number, handle: Handle): void => {
    lastHandle += 1;
    handles.set(lastHandle, handle);
    const id = Buffer.alloc(4);
    id.writeUInt32BE(lastHandle);
    sftp.handle(reqId, id);
  };
  const find = (id: Buffer): Handle => {
    const handle = id.length === 4 ? handles.get(id.readUInt32BE()) : undefined;
    if (handle === undefined) throw new SftpError(STATUS_CODE.FAILURE, 'Invalid handle');
    return handle;
  };
  const findFile = (id: Buffer): FileHandle => {
    const handle = find(id);
    if (handle.kind !== 'file') throw new SftpError(STATUS_CODE.FAILURE, 'Not a file');
    return handle.file;
  };
  const at = (path: string): Promise<string> => resolvePath(host, path, 'follow');
  const entryAt = (path: string): Promise<string> => resolvePath(host, path, 'entry');

  sftp.on('OPEN', (reqId, path, flags, attrs) =>
    answer(reqId, async () => {
      const file = await open(await at(path), parseOpenFlags(flags), (attrs.mode ?? 0o666) & 0o777);
      keep(reqId, { kind: 'file', file });
    }),
  );
  sftp.on('READ', (reqId, id, offset, length) =>
    answer(reqId, async () => {
      const buffer = Buffer.allocUnsafe(Math.min(length, MAX_READ_BYTES));
      const { bytesRead } = await findFile(id).read(buffer, 0, buffer.length, offset);
      if (bytesRead === 0) sftp.status(reqId, STATUS_CODE.EOF);
      else sftp.data(reqId, buffer.subarray(0, bytesRead));
    }),
  );
  sftp.on('WRITE', (reqId, id, offset, data) =>
    answerOk(reqId, async () => {
      const file = findFile(id);
      for (let done = 0; done < data.length; ) {
        done += (await file.write(data, done, data.length - done, offset + done)).bytesWritten;
      }
    }),
  );
  sftp.on('CLOSE', (reqId, id) =>
    answerOk(reqId, async () => {
      const handle = find(id);
      handles.delete(id.readUInt32BE());
      if (handle.kind === 'file') await handle.file.close();
    }),
  );
  sftp.on('OPENDIR', (reqId, path) =>
    answer(reqId, async () => {
      const folder = await at(path);
      keep(reqId, { kind: 'folder', path: folder, rest: ['.', '..', ...(await readdir(folder))] });
    }),
  );
  sftp.on('READDIR', (reqId, id) =>
    answer(reqId, async () => {
      const handle = find(id);
      if (handle.kind !== 'folder') throw new SftpError(STATUS_CODE.FAILURE, 'Not a folder');
      const names = handle.rest.splice(0, ENTRIES_PER_ANSWER);
      if (names.length === 0) sftp.status(reqId, STATUS_CODE.EOF);
      else sftp.name(reqId, await Promise.all(names.map((name) => describeEntry(handle.path, name))));
    }),
  );
  sftp.on('STAT', (reqId, path) =>
    answer(reqId, async () => sftp.attrs(reqId, formatAttributes(await stat(await at(path))))),
  );
  sftp.on('LSTAT', (reqId, path) =>
    answer(reqId, async () => sftp.attrs(reqId, formatAttributes(await lstat(await entryAt(path))))),
  );
  sftp.on('FSTAT', (reqId, id) =>
    answer(reqId, async () => sftp.attrs(reqId, formatAttributes(await findFile(id).stat()))),
  );
  sftp.on('SETSTAT', (reqId, path, attrs) =>
    answerOk(reqId, async () => {
      const target = await at(path);
      await applyAttributes(attrs, {
        chmod: (mode) => chmod(target, mode),
        chown: (uid, gid) => chown(target, uid, gid),
        truncate: (size) => truncate(target, size),
        utimes: (atime, mtime) => utimes(target, atime, mtime),
      });
    }),
  );
  sftp.on('FSETSTAT', (reqId, id, attrs) => answerOk(reqId, () => applyAttributes(attrs, findFile(id))));
  sftp.on('REMOVE', (reqId, path) => answerOk(reqId, async () => unlink(await entryAt(path))));
  sftp.on('MKDIR', (reqId, path, attrs) =>
    answerOk(reqId, async () => mkdir(await entryAt(path), (attrs.mode ?? 0o777) & 0o777)),
  );
  sftp.on('RMDIR', (reqId: number, path: string) => answerOk(reqId, async () => rmdir(await entryAt(path))));
  const move = async (from: string, to: string): Promise<void> =>
    rename(await entryAt(from), await entryAt(to));
  sftp.on('RENAME', (reqId, from, to) => answerOk(reqId, () => move(from, to)));
  sftp.on('EXTENDED', (reqId, name, data) => {
    if (name !== 'posix-rename@openssh.com') {
      sftp.status(reqId, STATUS_CODE.OP_UNSUPPORTED);
      return;
    }
    answerOk(reqId, async () => {
      const [from = '', to = ''] = parseStrings(data);
      await move(from, to);
    });
  });
  sftp.on('REALPATH', (reqId, path) =>
    answer(reqId, async () => {
      const filename = posix.resolve(HOME, path);
      sftp.name(reqId, [formatName(filename)]);
    }),
  );
  sftp.on('READLINK', (reqId, path) =>
    answer(reqId, async () => {
      const filename = await readlink(await entryAt(path));
      sftp.name(reqId, [formatName(filename)]);
    }),
  );

  const closeAll = (): void => {
    for (const handle of handles.values()) {
      if (handle.kind === 'file') handle.file.close().catch(() => {});
    }
    handles.clear();
  };
  // OpenSSH's sftp waits for us to close the channel once it has said all.
  sftp.once('end', () => sftp.end());
  sftp.once('close', closeAll);
}
