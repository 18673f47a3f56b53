import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type BotProcess, startBot } from './bot-process.ts';
import { type DemoFleet, openDemoFleet } from './fleet/demo-fleet.ts';
import { openPageFiles } from './page/page-files.ts';
import type { PageSettings } from './page/page-settings.ts';
import { startPostgres } from './replicas/postgres.ts';
import { answerPanel } from './replicas/replica-requests.ts';
import { openReplicaSet, type ReplicaSet } from './replicas/replica-set.ts';
import { type LocalSlack, openLocalSlack } from './slack/local-slack.ts';
import { readManifest } from './slack/options.ts';

const ADA = 'U0ADA0001';
const BOB = 'U0BOB0001';
const BOT = 'U0BOT0001';
const OPS = 'C0OPS0001';
const AUDIT = 'C0AUDIT01';
const USUAL_PORT = 3210;
const START_MS = 30_000;

const PAGE: PageSettings = {
  people: [
    { id: ADA, note: 'may do everything in #ops' },
    { id: BOB, note: 'is not on the allowlist' },
  ],
  startChannelId: OPS,
  examples: [
    { text: '/batch_run -g web -cmd "df -h"', note: 'A command on three hosts: open its thread' },
    {
      text: '/batch_run -h all -cmd "uptime"',
      note: 'On all: one is slow, one down, one refuses us, one is off',
    },
    { text: '/batch_run -g web -cmd "sleep 60"', note: 'Then press Cancel' },
    { text: '/batch_scp -g web -action put hello.txt /tmp/', note: 'Copies a file to three hosts' },
    { text: '/batch_scp -g web -r -action put site /tmp/', note: 'A folder; again, and nothing is sent' },
    { text: '/batch_scp -g db -action get /var/log/db.log db.log', note: 'Fetches a file from two hosts' },
    { text: '/batch_run', note: 'Asks for what it needs in a form; so does ⚡' },
    { text: '/batch can', note: 'What I may do here: try it as Bob, too' },
  ],
};

const REPLICAS_PAGE: PageSettings = {
  ...PAGE,
  hasReplicas: true,
  examples: [
    {
      text: '/batch_run -h all -cmd "sleep 20; hostname"',
      note: 'Then kill a replica that runs some of it, at the left',
    },
    ...PAGE.examples,
  ],
};
/** So that a run on a dozen hosts is dealt out to several. */
const FEW_SLOTS = { BATCHOPS_CONCURRENCY: '3', BATCHOPS_PERSON_CONCURRENCY: '30' };

interface DemoWish {
  readonly port: number | undefined;
  readonly isVerbose: boolean;
  /** So many bots on one PostgreSQL; undefined: one, on a file. */
  readonly replicas: number | undefined;
}

/** One process for the hosts and Slack, another for the bot; all in one private folder that goes at the end. */
async function runDemo({ port, isVerbose, replicas }: DemoWish): Promise<number> {
  await using opened = new AsyncDisposableStack();
  const stopped = Promise.withResolvers<'stopped'>();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => stopped.resolve('stopped'));
  }

  const folder = await mkdtemp(join(tmpdir(), 'batchops-demo-'));
  opened.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
  const fleet = opened.use(await openDemoFleet({ folder, operatorId: ADA, channelId: OPS }));
  const panel: { set?: ReplicaSet } = {};
  const slack = opened.use(await openDemoSlack(port, replicas === undefined ? PAGE : REPLICAS_PAGE, panel));
  const env = await prepareBot(folder, fleet, slack);
  const talk = isVerbose ? { onLine: print } : {};
  if (replicas !== undefined) {
    const { url } = opened.use(await startPostgres());
    const set = opened.use(
      openReplicaSet({ count: replicas, url, cwd: folder, env: { ...env, ...FEW_SLOTS }, ...talk }),
    );
    panel.set = set;
    if ((await Promise.race([set.ready, stopped.promise])) !== 'stopped')
      print(formatWelcome(slack, fleet, replicas));
    await stopped.promise;
    print('\nStopping.');
    return 0;
  }
  const database = { BATCHOPS_DATABASE_URL: `file:${join(folder, 'batchops.db')}` };
  const bot = opened.use(startBot({ cwd: folder, env: { ...env, ...database }, ...talk }));

  const connected = slack.waitFor(() => slack.socketCount > 0, START_MS).then(() => 'connected' as const);
  // Where something else comes first, nobody asks any more whether it connected.
  connected.catch(() => {});
  const first = await Promise.race([connected, stopped.promise, bot.ended]);
  if (first === 'connected') print(formatWelcome(slack, fleet));
  else if (first !== 'stopped') return reportEnd(bot, first);

  const last = await Promise.race([stopped.promise, bot.ended]);
  if (last !== 'stopped') return reportEnd(bot, last);
  print('\nStopping.');
  return 0;
}

/** At the usual port, or at any other that is free; a port that was asked for must be the one. */
async function openDemoSlack(
  port: number | undefined,
  settings: PageSettings,
  panel: { readonly set?: ReplicaSet },
): Promise<LocalSlack> {
  const files = openPageFiles(settings);
  const open = (at: number): Promise<LocalSlack> =>
    openLocalSlack({
      port: at,
      manifest: readManifest(new URL('../../manifest.yml', import.meta.url)),
      users: [
        { id: ADA, name: 'ada', realName: 'Ada Lovelace' },
        { id: BOB, name: 'bob', realName: 'Bob Ross' },
      ],
      channels: [
        { id: OPS, name: 'ops', topic: 'Type / to begin', members: [ADA, BOB, BOT] },
        {
          id: AUDIT,
          name: 'audit',
          topic: 'One line per run, refusal and decision',
          members: [ADA, BOB, BOT],
        },
        {
          id: 'C0RANDOM1',
          name: 'random',
          kind: 'private',
          topic: 'The bot is not in here',
          members: [ADA, BOB],
        },
        { id: 'D0ADA0001', name: 'ada', kind: 'im', members: [ADA, BOT] },
        { id: 'D0BOB0001', name: 'bob', kind: 'im', members: [BOB, BOT] },
      ],
      page: (request, response) =>
        (panel.set !== undefined && answerPanel(panel.set, request, response)) || files(request, response),
    });
  if (port !== undefined) return open(port);
  try {
    return await open(USUAL_PORT);
  } catch (error) {
    if (codeOf(error) !== 'EADDRINUSE') throw error;
    return open(0);
  }
}

/** Its files, and what it is told by its environment. */
async function prepareBot(
  folder: string,
  fleet: DemoFleet,
  slack: LocalSlack,
): Promise<Readonly<Record<string, string>>> {
  const transfers = join(folder, 'transfers');
  await mkdir(transfers);
  await writeFile(join(transfers, 'hello.txt'), 'Hello from Batchops.\n');
  await mkdir(join(transfers, 'site/css'), { recursive: true });
  await writeFile(join(transfers, 'site/index.html'), '<p>Hello from Batchops.</p>\n');
  await writeFile(join(transfers, 'site/css/main.css'), 'p { color: teal }\n');
  return {
    SLACK_API_URL: slack.apiUrl,
    SLACK_BOT_TOKEN: slack.settings.tokens.bot,
    SLACK_APP_TOKEN: slack.settings.tokens.app,
    BATCHOPS_INVENTORY: fleet.inventoryFile,
    BATCHOPS_ALLOWLIST: fleet.allowlistFile,
    BATCHOPS_TRANSFER_DIR: transfers,
    BATCHOPS_KNOWN_HOSTS: join(folder, 'known_hosts'),
    BATCHOPS_AUDIT_CHANNEL: AUDIT,
    BATCHOPS_HTTP_ADDR: '127.0.0.1:0',
  };
}

function formatWelcome(slack: LocalSlack, fleet: DemoFleet, replicas = 1): string {
  const safety =
    fleet.confinement === 'namespace'
      ? 'Commands run on this machine, and can write to the folders of their host only.'
      : 'Commands run on this machine with your rights: run nothing you would not type here.';
  return `
  Batchops is up${replicas === 1 ? '' : `, ${replicas} of it on a PostgreSQL`}, with a Slack of its own and ${fleet.hosts.length} SSH hosts.

    Open   ${slack.url}
    Type   ${PAGE.examples[0]?.text}
    You are Ada, who may do everything in #ops; become Bob, who may not, at the lower left.

  ${safety}
  Everything is in ${fleet.folder}, which goes when you stop: Ctrl-C.
`;
}

function reportEnd(bot: BotProcess, how: string): number {
  const lines = bot.lastLines().map((line) => `    ${line}`);
  process.stderr.write(`\nThe bot ended by itself (${how}). The last it said:\n${lines.join('\n')}\n`);
  return 1;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

function parsePort(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error(`"${text}" is no port`);
  return port;
}

function parseReplicas(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= 5) return count;
  throw new Error(`--replicas ${text}: from 1 to 5 are started here`);
}

// The page's types are stripped by a function that Node still calls experimental: not the newcomer's concern.
process.removeAllListeners('warning');
process.on('warning', (warning) => {
  if (warning.name !== 'ExperimentalWarning') process.stderr.write(`${warning.stack}\n`);
});

try {
  const { values } = parseArgs({
    options: { port: { type: 'string' }, verbose: { type: 'boolean' }, replicas: { type: 'string' } },
  });
  const code = await runDemo({
    port: parsePort(values.port ?? process.env.PORT),
    isVerbose: values.verbose ?? false,
    replicas: parseReplicas(values.replicas),
  });
  // All is closed; a timer that waited for the bot to connect may still run.
  process.exit(code);
} catch (error) {
  const isBusy = codeOf(error) === 'EADDRINUSE';
  const words = error instanceof Error ? error.message : String(error);
  process.stderr.write(
    `The sandbox did not start: ${isBusy ? `${words}; leave --port away, or take another` : words}\n`,
  );
  process.exitCode = 1;
}
