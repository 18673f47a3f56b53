import { expect, test } from 'vitest';
import { openHealth } from '../../src/process/health.ts';
import { askHealth } from '../rigs/processes.ts';

test('/healthz is 503 where the loop that does the work stands still, though the process answers', async () => {
  let liveness: () => Promise<string | null> = async () => null;
  const health = await openHealth(
    { host: '127.0.0.1', port: 0 },
    {
      liveness: () => liveness(),
      readiness: async () => null,
      jobs: () => ({ running: 0, waiting: 0 }),
      logLinesLost: () => 7,
    },
  );
  try {
    const port = Number(health.address.split(':').at(-1));
    expect(await askHealth(port, '/healthz')).toEqual({ status: 200, text: 'ok' });
    expect((await askHealth(port, '/metrics'))?.text).toMatch(/^batchops_log_lines_lost_total 7$/m);
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
