import { createServer, type Server } from 'node:http';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { codeOf } from '../config.ts';
import { ConfigError } from '../errors.ts';

export interface HealthSource {
  /** Null where all is well; else what is not, in a sentence. */
  readiness(): Promise<string | null>;
  jobs(): { readonly running: number; readonly waiting: number };
}

export interface Health {
  readonly address: string;
  close(): Promise<void>;
}

/**
 * `/healthz` (the process answers), `/readyz` (Slack is connected and the store can be written) and `/metrics`.
 * Readiness is asked of the parts each time, so a bot that looks alive but is deaf says so.
 */
export async function openHealth(at: { host: string; port: number }, source: HealthSource): Promise<Health> {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const gauge = (name: string, help: string, value: () => number): void => {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(value());
      },
    });
  };
  gauge('batchops_jobs_running', 'Jobs on the wire in this process', () => source.jobs().running);
  gauge('batchops_jobs_waiting', 'Jobs taken and waiting for a slot', () => source.jobs().waiting);

  const server = createServer((request, response) => {
    const send = (status: number, body: string, type = 'text/plain; charset=utf-8'): void => {
      response.writeHead(status, { 'content-type': type }).end(body);
    };
    const answer = async (): Promise<void> => {
      switch (new URL(request.url ?? '/', 'http://health').pathname) {
        case '/healthz':
          return send(200, 'ok\n');
        case '/readyz': {
          const trouble = await source.readiness();
          return trouble === null ? send(200, 'ready\n') : send(503, `${trouble}\n`);
        }
        case '/metrics':
          return send(200, await registry.metrics(), registry.contentType);
        default:
          return send(404, 'not found; there are /healthz, /readyz and /metrics\n');
      }
    };
    answer().catch(() => send(500, 'internal error\n'));
  });
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

function listen(server: Server, at: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      reject(
        new ConfigError([`BATCHOPS_HTTP_ADDR: cannot listen on ${at.host}:${at.port} (${codeOf(error)})`]),
      );
    });
    server.listen(at.port, at.host, () => resolve());
  });
}
