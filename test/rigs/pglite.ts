import { createServer, type Socket } from 'node:net';
import { PGlite } from '@electric-sql/pglite';

/** PostgreSQL in this process, behind a port of its own. */
export interface LitePostgres extends AsyncDisposable {
  readonly port: number;
}

const SSL_REQUEST = 80_877_103;
const CANCEL_REQUEST = 80_877_102;
const NO_SSL = Buffer.from('N');

/** Messages that end what a client asks at once, and are answered: a query, a sync. */
const ENDS = new Set(['Q'.charCodeAt(0), 'S'.charCodeAt(0)]);
const GOODBYE = 'X'.charCodeAt(0);

/**
 * One session that all connections take turns with: from one that is in a transaction to its end, else a request at a
 * time. (`@electric-sql/pglite-socket` takes turns by message, so that two unnamed statements get in each other's way.)
 */
export async function startPglite(): Promise<LitePostgres> {
  const db = await PGlite.create();
  const waiting: Asked[] = [];
  const sockets = new Set<Socket>();
  let last: Client | undefined;
  let isBusy = false;
  let isClosed = false;

  const serve = async (): Promise<void> => {
    if (isBusy) return;
    isBusy = true;
    while (!isClosed) {
      const n = db.isInTransaction() ? waiting.findIndex(({ by }) => by === last) : 0;
      const [asked] = n < 0 ? [] : waiting.splice(n, 1);
      if (asked === undefined) break;
      const { by, words } = asked;
      if (by !== last && by.settings !== '') await db.exec(by.settings);
      last = by;
      const answer = await db.execProtocolRaw(words);
      if (by.socket.writable) by.socket.write(answer);
    }
    isBusy = false;
  };
  const leave = (client: Client): void => {
    sockets.delete(client.socket);
    for (let n = waiting.length - 1; n >= 0; n -= 1) if (waiting[n]?.by === client) waiting.splice(n, 1);
    // Whoever goes in the middle of a transaction does not commit it.
    if (!isClosed && last === client && db.isInTransaction()) void db.exec('rollback').then(serve);
  };

  const server = createServer((socket) => {
    sockets.add(socket);
    const client = new Client(socket);
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('close', () => leave(client));
    socket.on('data', (piece) => {
      for (const words of client.hear(piece)) waiting.push({ by: client, words });
      void serve();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    async [Symbol.asyncDispose]() {
      isClosed = true;
      for (const socket of sockets) socket.destroy();
      server.close();
      await db.close();
    },
  };
}

interface Asked {
  readonly by: Client;
  readonly words: Uint8Array;
}

/** https://www.postgresql.org/docs/current/protocol-message-formats.html */
class Client {
  readonly socket: Socket;
  /** What it said of its session as it came (`-c NAME=VALUE`), as statements. */
  settings = '';
  #bytes: Buffer = Buffer.alloc(0);
  #hasStarted = false;
  #request: Buffer[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
  }

  /** Whole requests, each as one. */
  *hear(piece: Buffer | string): Generator<Uint8Array> {
    this.#bytes = Buffer.concat([this.#bytes, Buffer.from(piece)]);
    for (;;) {
      const at = this.#hasStarted ? 1 : 0;
      if (this.#bytes.length < at + 4) return;
      const length = at + this.#bytes.readInt32BE(at);
      if (this.#bytes.length < length) return;
      const message = this.#bytes.subarray(0, length);
      this.#bytes = this.#bytes.subarray(length);
      if (!this.#hasStarted) {
        const code = message.readInt32BE(4);
        if (code === SSL_REQUEST) this.socket.write(NO_SSL);
        if (code === SSL_REQUEST || code === CANCEL_REQUEST) continue;
        this.#hasStarted = true;
        const words = message.toString('utf8', 8).split('\0');
        const options = words[words.indexOf('options') + 1] ?? '';
        for (const [, name = '', value = ''] of options.matchAll(/-c ([\w.]+)=(\S+)/g)) {
          this.settings += `set ${name} = '${value}';`;
        }
        yield message;
        continue;
      }
      const [kind = 0] = message;
      if (kind === GOODBYE) {
        this.socket.end();
        return;
      }
      this.#request.push(message);
      if (!ENDS.has(kind)) continue;
      yield Buffer.concat(this.#request);
      this.#request = [];
    }
  }
}
