import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';

interface FullListener extends AsyncDisposable {
  readonly port: number;
}

export const CAN_FILL_LISTENER =
  process.platform === 'linux' && spawnSync('python3', ['--version']).status === 0;

/** Accepts nobody and has room for nobody more: on Linux whoever comes then has no answer, as behind a firewall. */
export async function startFullListener(): Promise<FullListener> {
  const program = [
    'import socket, sys',
    's = socket.socket()',
    "s.bind(('127.0.0.1', 0))",
    's.listen(0)',
    'print(s.getsockname()[1], flush=True)',
    'sys.stdin.read()',
  ].join('\n');
  const listener = spawn('python3', ['-c', program], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [said] = await once(listener.stdout, 'data');
  const port = Number(String(said));
  const first = connect(port, '127.0.0.1');
  await once(first, 'connect');
  return {
    port,
    async [Symbol.asyncDispose]() {
      first.destroy();
      const ended = once(listener, 'exit');
      listener.stdin.end();
      await ended;
    },
  };
}
