import { get } from 'node:http';
import { hostname } from 'node:os';
import { expect, test } from 'vitest';
import type { DiskUse } from '../../src/ports/disk.ts';
import { type HealthSource, openHealth } from '../../src/process/health.ts';
import { openMetrics } from '../../src/process/metrics/metrics.ts';
import { askHealth } from '../rigs/processes.ts';

const FULL: DiskUse = {
  what: 'transfers',
  usedBytes: 1_024,
  maxBytes: 1_024,
  freeBytes: 4_096,
  trouble: 'the transfer folder is full',
};

/** A bot of which all is well. */
const WELL: HealthSource = {
  liveness: async () => null,
  readiness: async () => null,
  jobs: () => ({ running: 0, waiting: 0 }),
  keptConnections: () => 0,
  logLinesLost: () => 7,
  connections: () => 9,
  otherBots: () => 1,
  uses: async () => [],
  backlog: async () => ({
    queue: { waiting: 3, held: 2, oldestMs: 4_500 },
    outbox: { due: 5, oldestMs: 1_500, givenUp: 6 },
  }),
};

const open = (source: Partial<HealthSource> = {}) =>
  openHealth({ host: '127.0.0.1', port: 0 }, openMetrics('1.2.3'), { ...WELL, ...source });

test('/readyz names what is full and hinders no run, /metrics has its bytes', async () => {
  const health = await open({
    uses: async () => [FULL, { ...FULL, what: 'spool', freeBytes: Number.POSITIVE_INFINITY, trouble: null }],
  });
  try {
    const port = Number(health.address.split(':').at(-1));
    expect(await askHealth(port, '/readyz')).toEqual({
      status: 200,
      text: 'ready\nthe transfer folder is full',
    });
    const metrics = (await askHealth(port, '/metrics'))?.text ?? '';
    expect(metrics).toMatch(/^batchops_disk_used_bytes\{what="transfers"\} 1024$/m);
    expect(metrics).toMatch(/^batchops_disk_quota_bytes\{what="spool"\} 1024$/m);
    expect(metrics).toMatch(/^batchops_disk_free_bytes\{what="transfers"\} 4096$/m);
    expect(metrics).not.toContain('batchops_disk_free_bytes{what="spool"}');
  } finally {
    await health.close();
  }
});

test('/healthz is 503 where the loop that does the work stands still, though the process answers', async () => {
  let liveness: () => Promise<string | null> = async () => null;
  const health = await open({ liveness: () => liveness() });
  try {
    const port = Number(health.address.split(':').at(-1));
    expect(await askHealth(port, '/healthz')).toEqual({ status: 200, text: 'ok' });
    const metrics = (await askHealth(port, '/metrics'))?.text;
    expect(metrics).toMatch(/^batchops_log_lines_lost_total 7$/m);
    expect(metrics).toMatch(/^batchops_slack_connections 9$/m);
    expect(metrics).toMatch(/^batchops_other_bots 1$/m);
    expect(metrics).toContain('batchops_build_info{version="1.2.3"} 1\n');
    for (const [name, value] of [
      ['queue_jobs', 3],
      ['queue_held_jobs', 2],
      ['queue_oldest_seconds', 4.5],
      ['outbox_due_rows', 5],
      ['outbox_oldest_seconds', 1.5],
      ['outbox_given_up_rows', 6],
    ])
      expect(metrics).toMatch(new RegExp(`^batchops_${name} ${value}$`, 'm'));
    liveness = () => new Promise(() => {});
    expect(await askHealth(port, '/healthz')).toEqual({
      status: 503,
      text: 'the loop that does the work stands still',
    });
    liveness = async () => 'stopping after a defect';
    expect(await askHealth(port, '/healthz')).toEqual({ status: 503, text: 'stopping after a defect' });
  } finally {
    await health.close();
  }
});

test('/metrics and /readyz answer only under a name of ours: a page whose name leads here reads nothing', async () => {
  const health = await open();
  try {
    const port = Number(health.address.split(':').at(-1));
    // fetch does not let anybody name the host.
    const status = (path: string, host: string): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        get({ host: '127.0.0.1', port, path, headers: { host } }, (response) => {
          response.resume();
          resolve(response.statusCode);
        }).on('error', reject);
      });
    for (const path of ['/metrics', '/readyz', '/nothing']) {
      for (const foreign of [
        'evil.example',
        `evil.example:${port}`,
        'localhost.evil.example',
        '127.0.0.1.evil.example',
        'evil.example@127.0.0.1:x',
        'evil.example@localhost',
        'localhost/x',
        '%',
      ]) {
        expect(await status(path, foreign), `${path} ${foreign}`).toBe(421);
      }
    }
    for (const own of [
      '127.0.0.1',
      `10.0.0.7:${port}`,
      '[::1]:9464',
      'localhost',
      `LOCALHOST:${port}`,
      hostname(),
    ]) {
      expect(await status('/metrics', own), own).toBe(200);
      expect(await status('/readyz', own), own).toBe(200);
    }
    expect(await status('/healthz', 'evil.example')).toBe(200);
  } finally {
    await health.close();
  }
});

test('/metrics answers while the store and the disk do not: without their figures, not with old ones', async () => {
  let isBroken = false;
  const orBroken = async <T>(value: T): Promise<T> => {
    if (isBroken) throw new Error('disk I/O error');
    return value;
  };
  const health = await open({
    uses: () => orBroken([FULL]),
    backlog: async () => await orBroken(await WELL.backlog()),
  });
  try {
    const port = Number(health.address.split(':').at(-1));
    expect((await askHealth(port, '/metrics'))?.text).toMatch(/^batchops_queue_jobs 3$/m);
    isBroken = true;
    const answer = await askHealth(port, '/metrics');
    expect(answer?.status).toBe(200);
    expect(answer?.text).toMatch(/^batchops_store_failures_total 0$/m);
    expect(answer?.text).not.toMatch(/^batchops_(queue|outbox|disk)_/m);
  } finally {
    await health.close();
  }
});
