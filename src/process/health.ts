import { createServer, type Server } from 'node:http';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { ConfigError, showCode } from '../errors.ts';
import { within } from '../time/within.ts';
import type { Metrics } from './metrics/metrics.ts';
import type { MetricsSource } from './metrics/source.ts';

export interface HealthSource extends MetricsSource {
  /**
   * Null where the loops that do the work go round; else what is wrong, in a sentence. One that does not answer
   * within `PATIENCE_MS` stands still.
   */
  liveness(): Promise<string | null>;
  /** Null where all is well; else what is not, in a sentence. */
  readiness(): Promise<string | null>;
}

export interface Health {
  readonly address: string;
  close(): Promise<void>;
}

/** A supervisor's probe mostly waits a second or more; a round of the loops takes some milliseconds. */
const PATIENCE_MS = 5_000;

/**
 * `/healthz` (the loops that do the work go round: 503 is for a supervisor to start us afresh), `/readyz` (a run
 * begun now would be recorded, shown and started) and `/metrics`. Both are asked of the parts each time, so a bot
 * that looks alive but is deaf says so.
 */
export async function openHealth(
  at: { host: string; port: number },
  metrics: Omit<Metrics, 'meters'>,
  source: HealthSource,
): Promise<Health> {
  const server = createServer((request, response) => {
    const send = (status: number, body: string, type = 'text/plain; charset=utf-8'): void => {
      response.writeHead(status, { 'content-type': type }).end(body);
    };
    const verdict = (well: string, trouble: string | null): void =>
      trouble === null ? send(200, `${well}\n`) : send(503, `${trouble}\n`);
    const answer = async (): Promise<void> => {
      const { pathname } = new URL(request.url ?? '/', 'http://health');
      if (pathname !== '/healthz' && !isOurName(request.headers.host, at.host)) {
        return send(
          421,
          'another name is asked for; ask by address, or by the name that BATCHOPS_HTTP_ADDR has\n',
        );
      }
      switch (pathname) {
        case '/healthz':
          return verdict('ok', await inTime(source.liveness(), 'the loop that does the work stands still'));
        case '/readyz':
          return verdict(
            await ready(source),
            await inTime(source.readiness(), 'a part of the bot does not answer'),
          );
        case '/metrics':
          return send(200, await metrics.read(source), metrics.contentType);
        default:
          return send(404, 'not found; there are /healthz, /readyz and /metrics\n');
      }
    };
    answer().catch(() => send(500, 'internal error\n'));
  });
  // Whoever finds the port is not to have all files that we may open.
  server.maxConnections = 16;
  await listen(server, at);
  const bound = server.address();
  return {
    address: typeof bound === 'object' && bound !== null ? `${bound.address}:${bound.port}` : '',
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

/** What still works is ready; what part of the disk is full stands below it. */
async function ready(source: HealthSource): Promise<string> {
  const full = (await source.uses()).flatMap(({ trouble }) => (trouble === null ? [] : [trouble]));
  return ['ready', ...full].join('\n');
}

/**
 * A web page of anybody's can have its own name lead to this machine and then read what is answered under it, as
 * that is the page's own site to the browser. It cannot do so with an address or with a name that is ours.
 */
function isOurName(host: string | undefined, listening: string): boolean {
  if (host === undefined) return true;
  const url = URL.parse(`http://${host}`);
  // `evil@localhost` is no name and port.
  if (url === null || url.href !== `http://${url.host}/`) return false;
  const name = url.hostname.replace(/^\[|\]$/g, '');
  return isIP(name) !== 0 || ['localhost', hostname(), listening].some((own) => own.toLowerCase() === name);
}

/** What `asked` says, or `late` where it says nothing in time. */
function inTime(asked: Promise<string | null>, late: string): Promise<string | null> {
  return within(asked, { ms: PATIENCE_MS, late: () => late });
}

function listen(server: Server, at: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      reject(
        new ConfigError([`BATCHOPS_HTTP_ADDR: cannot listen on ${at.host}:${at.port} (${showCode(error)})`]),
      );
    });
    server.listen(at.port, at.host, () => resolve());
  });
}
