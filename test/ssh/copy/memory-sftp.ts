import ssh2, { type SFTPWrapper } from 'ssh2';

const { OPEN_MODE, STATUS_CODE } = ssh2.utils.sftp;

export interface Owned {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

export interface SftpScript {
  /** Files by their full path; a folder is a path that ends in a slash. */
  readonly files: Map<string, Buffer>;
  /** Answers no more than this to one read. */
  readonly maxReadBytes?: number;
  /** Says 0 to every question for a size. */
  readonly hidesSize?: boolean;
  /** Asked for each write; false: the disk is full. */
  readonly onWrite?: (position: number) => boolean | 'ignore';
  readonly onRead?: (position: number) => boolean | 'ignore';
  /** False: the file is made, and nobody is told. */
  readonly onOpen?: (path: string) => boolean;
  /** Asked before each request, by its name in the protocol (`STAT`); true: it has been dealt with. */
  readonly onRequest?: (name: string, id: number, sftp: SFTPWrapper, args: readonly unknown[]) => boolean;
  /** Whose the files are, as far as that is told. What is made new is filled in: the login is 1000:1000. */
  readonly owned?: Map<string, Owned>;
  readonly refusesRename?: (to: string) => boolean;
  /** What truly arrives. */
  readonly garble?: (bytes: Buffer) => Buffer;
}

/** Which names there were ever, in the order they came to be. */
export interface SftpLog {
  readonly opened: string[];
  readonly removed: string[];
}

/** Bytes on an SFTP channel that the library would never send. */
export function sendRaw(sftp: SFTPWrapper, bytes: Buffer): void {
  const protocol: unknown = Reflect.get(sftp, '_protocol');
  const outgoing: unknown = Reflect.get(sftp, 'outgoing');
  if (
    typeof protocol !== 'object' ||
    protocol === null ||
    typeof outgoing !== 'object' ||
    outgoing === null
  ) {
    throw new Error('ssh2 has changed inside');
  }
  const send: unknown = Reflect.get(protocol, 'channelData');
  if (typeof send !== 'function') throw new Error('ssh2 has changed inside');
  send.call(protocol, Reflect.get(outgoing, 'id'), bytes);
}

/** An SFTP server over a map; it knows no extensions, and its rename does not overwrite. */
export function serveMemory(sftp: SFTPWrapper, script: SftpScript, log: SftpLog): void {
  const { files, owned } = script;
  const emit = sftp.emit.bind(sftp);
  sftp.emit = (name: string, ...args: unknown[]) => {
    const [id, ...rest] = args;
    const isTaken = typeof id === 'number' && (script.onRequest?.(name, id, sftp, rest) ?? false);
    return isTaken || emit(name, ...args);
  };
  const handles = new Map<number, string>();
  let nextHandle = 0;
  const pathOf = (handle: Buffer) => handles.get(handle.readUInt32BE(0)) ?? '';
  const attrsOf = (path: string) => {
    const isFolder = files.has(`${path.replace(/\/$/, '')}/`);
    const bytes = files.get(path);
    if (!isFolder && !bytes) return undefined;
    const size = script.hidesSize || !bytes ? 0 : bytes.length;
    const { mode, uid, gid } = owned?.get(path) ?? { mode: 0o644, uid: 0, gid: 0 };
    return { mode: isFolder ? 0o040755 : 0o100000 | mode, size, uid, gid, atime: 1, mtime: 1 };
  };
  const stat = (id: number, path: string) => {
    const attrs = attrsOf(path);
    if (attrs) sftp.attrs(id, attrs);
    else sftp.status(id, STATUS_CODE.NO_SUCH_FILE);
  };

  sftp.on('REALPATH', (id, path) => {
    const full = path === '.' ? '/home/ops' : path.replace(/(.)\/$/, '$1');
    sftp.name(id, [
      {
        filename: full,
        longname: full,
        attrs: attrsOf(full) ?? { mode: 0, size: 0, uid: 0, gid: 0, atime: 0, mtime: 0 },
      },
    ]);
  });
  sftp.on('STAT', stat);
  sftp.on('LSTAT', stat);
  sftp.on('FSTAT', (id, handle) => stat(id, pathOf(handle)));
  sftp.on('OPEN', (id, path, flags, attrs) => {
    const isNew = (flags & OPEN_MODE.EXCL) !== 0;
    if (isNew && files.has(path)) return sftp.status(id, STATUS_CODE.FAILURE);
    if (isNew) {
      files.set(path, Buffer.alloc(0));
      owned?.set(path, { mode: (attrs.mode ?? 0o666) & 0o777, uid: 1000, gid: 1000 });
    }
    if (!files.has(path)) return sftp.status(id, STATUS_CODE.NO_SUCH_FILE);
    log.opened.push(path);
    if (script.onOpen?.(path) === false) return;
    const handle = Buffer.alloc(4);
    handle.writeUInt32BE(nextHandle);
    handles.set(nextHandle++, path);
    sftp.handle(id, handle);
  });
  sftp.on('READ', (id, handle, position, length) => {
    const answer = script.onRead?.(position) ?? true;
    if (answer === 'ignore') return;
    if (!answer) return sftp.status(id, STATUS_CODE.FAILURE, 'input/output error');
    const bytes = files.get(pathOf(handle)) ?? Buffer.alloc(0);
    if (position >= bytes.length) return sftp.status(id, STATUS_CODE.EOF);
    sftp.data(id, bytes.subarray(position, position + Math.min(length, script.maxReadBytes ?? length)));
  });
  sftp.on('WRITE', (id, handle, position, data) => {
    const answer = script.onWrite?.(position) ?? true;
    if (answer === 'ignore') return;
    if (!answer) return sftp.status(id, STATUS_CODE.FAILURE, 'no space left on device');
    const path = pathOf(handle);
    const old = files.get(path) ?? Buffer.alloc(0);
    const bytes = Buffer.alloc(Math.max(old.length, position + data.length));
    old.copy(bytes);
    (script.garble?.(data) ?? data).copy(bytes, position);
    files.set(path, bytes);
    sftp.status(id, STATUS_CODE.OK);
  });
  sftp.on('FSETSTAT', (id, handle, attrs) => {
    const path = pathOf(handle);
    const now = owned?.get(path);
    if (now) {
      owned?.set(path, {
        mode: attrs.mode === undefined ? now.mode : attrs.mode & 0o7777,
        uid: attrs.uid ?? now.uid,
        gid: attrs.gid ?? now.gid,
      });
    }
    sftp.status(id, STATUS_CODE.OK);
  });
  sftp.on('CLOSE', (id) => sftp.status(id, STATUS_CODE.OK));
  sftp.on('REMOVE', (id, path) => {
    log.removed.push(path);
    sftp.status(id, files.delete(path) ? STATUS_CODE.OK : STATUS_CODE.NO_SUCH_FILE);
  });
  sftp.on('RENAME', (id, from, to) => {
    const bytes = files.get(from);
    if (!bytes || files.has(to) || script.refusesRename?.(to)) return sftp.status(id, STATUS_CODE.FAILURE);
    files.delete(from);
    files.set(to, bytes);
    const whose = owned?.get(from);
    if (whose) owned?.set(to, whose);
    owned?.delete(from);
    sftp.status(id, STATUS_CODE.OK);
  });
}
