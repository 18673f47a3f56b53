import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import {
  AUDIT,
  ada,
  type Bot,
  EVERYTHING,
  finished,
  makeHome,
  openStage,
  openTeamSlack,
  shown,
  startBot,
} from '../rigs/bot.ts';
import { askHealth, freePort } from '../rigs/processes.ts';
import { HAS_SSHD } from '../rigs/sshd.ts';

const UP = { timeout: 25_000, interval: 50 };

function healthPortOf(bot: Bot): number {
  return Number(/"health":"[^"]*:(\d+)"/.exec(bot.output())?.[1]);
}

/** The figures that stand there now, by series. */
async function read(port: number): Promise<ReadonlyMap<string, number>> {
  const text = (await askHealth(port, '/metrics'))?.text ?? '';
  return new Map(
    Array.from(text.matchAll(/^(batchops_\S+) (\S+)$/gm), ([, series = '', value]) => [
      series,
      Number(value),
    ]),
  );
}

const figure = (port: number, series: string) => async (): Promise<number | undefined> =>
  (await read(port)).get(`batchops_${series}`);

describe.skipIf(!HAS_SSHD)('the metrics of a bot at work', () => {
  test('move with runs, jobs, logins, refusals, what waits, and what Slack does', async () => {
    await using stage = await openStage();
    const { slack, bot } = stage;
    const port = healthPortOf(bot);
    const now = (series: string) => figure(port, series)();
    slack.order({ kind: 'rate-limit', method: 'chat.update', times: 1, retryAfterS: 1 });
    await slack.command(ada('-g web -c 1 -cmd "sleep 1"'));
    await expect.poll(figure(port, 'jobs_running'), UP).toBe(1);
    const working = await read(port);
    expect(working.get('batchops_queue_jobs')).toBeGreaterThan(0);
    expect(working.get('batchops_queue_oldest_seconds')).toBeGreaterThan(0);
    await finished(slack);
    expect(await now('runs_total{outcome="ok"}')).toBe(1);
    expect(await now('jobs_total{outcome="ok"}')).toBe(3);
    expect(await now('queue_jobs')).toBe(0);
    expect(await now('job_wait_seconds_count')).toBe(3);
    expect(await now('login_seconds_count{result="ok"}')).toBe(3);
    expect(await now('work_seconds_count{action="run"}')).toBe(3);
    expect(await now('work_seconds_sum{action="run"}')).toBeGreaterThan(3);
    expect(await now('slack_call_seconds_count{method="chat.postMessage"}')).toBeGreaterThan(3);
    expect(await now('slack_rate_limited_total{method="chat.update"}')).toBe(1);

    await slack.command(ada('-h h1,h2 -cmd "exit 3"'));
    await finished(slack, 2);
    expect(await now('runs_total{outcome="not-ok"}')).toBe(1);
    expect(await now('jobs_total{outcome="failed"}')).toBe(2);

    const refused = await slack.command(ada('-h nobody -cmd "true"'));
    await slack.waitFor(() => refused.answers()[0]);
    expect(await now('refusals_total{code="unknown-name"}')).toBe(1);

    expect(await now('slack_reconnects_total')).toBe(0);
    slack.refreshSockets('oldest');
    await expect.poll(figure(port, 'slack_reconnects_total'), UP).toBe(1);
    expect(await now('slack_connections')).toBeGreaterThan(1);
    expect(await now('store_failures_total')).toBe(0);
    expect(await now('audit_failures_total')).toBe(0);
    expect(await now('disk_used_bytes{what="database"}')).toBeGreaterThan(4_096);
    expect(await bot.stop()).toBe(0);
  }, 90_000);
});

describe('the metrics of a bot that has trouble', () => {
  const FILES = {
    'inventory.ini': '[h1]\nip = 127.0.0.1\nport = 1\nuser = ops\npassword = hunter2hunter2\n',
    'allowlist.ini': EVERYTHING,
  };

  test('count a database that is locked by another, an audit that cannot be written, and what Slack will not take', async () => {
    await using slack = await openTeamSlack();
    await using home = await makeHome(FILES);
    await using bot = await startBot(home, slack);
    const port = healthPortOf(bot);
    await expect.poll(figure(port, 'outbox_due_rows'), UP).toBe(0);
    const away = slack.order({
      kind: 'server-error',
      method: 'chat.postMessage',
      channel: AUDIT,
      times: Number.POSITIVE_INFINITY,
    });
    const ask = async (text: string): Promise<string> => {
      const asked = await slack.command(ada(text));
      return shown(await slack.waitFor(() => asked.answers()[0], 20_000));
    };
    await ask('-h nobody -cmd "true"');
    await expect.poll(figure(port, 'outbox_due_rows'), UP).toBe(1);
    await expect.poll(figure(port, 'outbox_oldest_seconds'), UP).toBeGreaterThan(0);
    slack.order({
      kind: 'error',
      method: 'chat.postMessage',
      channel: AUDIT,
      error: 'invalid_blocks',
      times: Number.POSITIVE_INFINITY,
    });
    away.cancel();
    await expect.poll(figure(port, 'outbox_given_up_rows'), UP).toBe(1);
    expect(await figure(port, 'outbox_due_rows')()).toBe(0);

    const other = new DatabaseSync(home.path('data/batchops.db'));
    other.exec('begin immediate');
    try {
      expect(await ask('-h noone -cmd "true"')).toContain('noone');
      expect(await figure(port, 'audit_failures_total')()).toBe(1);
      expect(await figure(port, 'store_failures_total')()).toBeGreaterThan(0);
      expect(await figure(port, 'refusals_total{code="unknown-name"}')()).toBe(2);
    } finally {
      other.exec('rollback');
      other.close();
    }
  }, 90_000);

  test('count requests over HTTP that Slack did not sign', async () => {
    await using slack = await openTeamSlack({ mode: 'http' });
    await using home = await makeHome(FILES);
    const requestPort = await freePort();
    await using bot = await startBot(home, slack, {
      SLACK_APP_TOKEN: '',
      SLACK_SIGNING_SECRET: slack.settings.signingSecret,
      PORT: String(requestPort),
    });
    const port = healthPortOf(bot);
    const response = await fetch(`http://127.0.0.1:${requestPort}/slack/events`, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        'x-slack-request-timestamp': String(Math.floor(Date.now() / 1_000)),
        'x-slack-signature': `v0=${'0'.repeat(64)}`,
      },
      body: 'command=%2Fbatch&text=help',
    });
    expect(response.status).toBe(401);
    expect(await figure(port, 'slack_signature_errors_total')()).toBe(1);
  }, 60_000);
});
