import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import ssh2, { type Client, type SFTPWrapper } from 'ssh2';
import type { FleetHost } from '../../../src/sandbox/fleet/fleet.ts';

export interface LoggedIn extends AsyncDisposable {
  readonly ssh: Client;
}

export async function login(host: FleetHost): Promise<LoggedIn> {
  const ssh = new ssh2.Client();
  const privateKey = host.key === undefined ? undefined : await readFile(host.key);
  await new Promise<void>((resolve, reject) => {
    ssh.once('ready', resolve).once('error', reject);
    // With Nagle on, each SFTP request waits 40 ms for the answer to the one before.
    const sock = connect({ host: host.ip, port: host.port, noDelay: true }).once('error', reject);
    ssh.connect({
      sock,
      username: host.user,
      ...(host.password === undefined ? {} : { password: host.password }),
      ...(privateKey === undefined ? {} : { privateKey }),
    });
  });
  return {
    ssh,
    async [Symbol.asyncDispose]() {
      ssh.destroy();
    },
  };
}

export interface Ended {
  readonly code: number | null;
  readonly signal: string | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export function run(
  ssh: Client,
  command: string,
  feed: (channel: ssh2.ClientChannel) => void = (channel) => channel.end(),
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    ssh.exec(command, (error, channel) => {
      if (error) {
        reject(error);
        return;
      }
      const [out, err]: [Buffer[], Buffer[]] = [[], []];
      let ending: Pick<Ended, 'code' | 'signal'> = { code: null, signal: undefined };
      channel.on('data', (data: Buffer) => out.push(data));
      channel.stderr.on('data', (data: Buffer) => err.push(data));
      channel.on('exit', (code: number | null, signal?: string) => {
        ending = { code, signal: signal?.replace(/^SIG/, '') };
      });
      channel.on('close', () =>
        resolve({ ...ending, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() }),
      );
      feed(channel);
    });
  });
}

export function openSftp(ssh: Client): Promise<SFTPWrapper> {
  return new Promise((resolve, reject) => {
    ssh.sftp((error, sftp) => (error ? reject(error) : resolve(sftp)));
  });
}

export function put(sftp: SFTPWrapper, path: string, data: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    sftp.createWriteStream(path).once('error', reject).once('close', resolve).end(data);
  });
}

export function get(sftp: SFTPWrapper, path: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    const stream = sftp.createReadStream(path);
    stream.on('data', (data: Buffer) => parts.push(data));
    stream.once('error', reject).once('end', () => resolve(Buffer.concat(parts)));
  });
}
