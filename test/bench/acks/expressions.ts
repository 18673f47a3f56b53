import { ADA, AUDIT, makeHome, OPS, openTeamSlack, startBot } from '../../rigs/bot.ts';
import { quantile } from '../rounds.ts';

const HOSTS = 10_000;
const ROUNDS = 5;
/** As much as a command may be long. */
const LONGEST_CHARS = 11_000;

export interface ExpressionFigures {
  readonly hosts: number;
  readonly sent: number;
  readonly unanswered: number;
  readonly ackP50Ms: number | undefined;
  readonly ackP99Ms: number | undefined;
  readonly worst: { readonly ackMs: number; readonly text: string };
  /** `all`, on which the rules are asked for every host. */
  readonly allMs: number | undefined;
}

/** How long a person waits for the ack, and everyone with them, where the fleet is large and the expression is the worst. */
export async function measureExpressions(
  heard?: (ack: { readonly ackMs: number; readonly text: string }) => void,
): Promise<ExpressionFigures> {
  const members = [ADA, 'U0BOT0001'];
  await using slack = await openTeamSlack({
    channels: [
      { id: AUDIT, name: 'audit', members },
      { id: OPS, name: 'ops', members },
    ],
  });
  const names = Array.from(
    { length: HOSTS },
    (_, n) => [`web${n}`, `${'a'.repeat(60)}${n}`, `rack${n % 40}-node${n}.example.net`].at(n % 3) ?? '',
  );
  const groups = Array.from(
    { length: 40 },
    (_, g) =>
      `[g${g}]\n${names
        .filter((_, n) => n % 3 === 0 && n > g)
        .map((name) => `${name} = True\n`)
        .join('')}`,
  );
  await using home = await makeHome({
    'inventory.ini': [
      '[DEFAULT]\nuser = ada\npassword = not-used-here\n',
      ...names.map((name) => `[${name}]\nip = 127.0.0.1\n`),
      ...groups,
    ].join(''),
    'allowlist.ini': `[all]\nusers = ${ADA}\nchannels = *\nhosts = all\nactions = run\ncommands = *\n`,
  });
  await using bot = await startBot(home, slack);
  const acks: { ackMs: number; text: string }[] = [];
  const all: number[] = [];
  let sent = 0;
  let unanswered = 0;
  for (let round = 0; round < ROUNDS; round++) {
    for (const expression of ['all', ...worstExpressions()]) {
      for (const [command, text] of [
        ['/batch_run', `-n -h ${expression} -cmd uptime`],
        ['/batch', `hosts ${expression}`],
        ['/batch', `can ${expression}`],
      ] as const) {
        sent++;
        const answer = await slack.command({ user: ADA, channel: OPS, command, text });
        if (!answer.ok) {
          unanswered++;
          continue;
        }
        acks.push({ ackMs: answer.ackMs, text: `${command} ${text}`.slice(0, 60) });
        heard?.({ ackMs: answer.ackMs, text: `${command} ${text}`.slice(0, 60) });
        if (expression === 'all') all.push(answer.ackMs);
      }
    }
  }
  await bot.stop();
  const times = acks.map(({ ackMs }) => ackMs);
  const worst = acks.reduce((most, ack) => (ack.ackMs > most.ackMs ? ack : most), { ackMs: 0, text: '' });
  return {
    hosts: HOSTS,
    sent,
    unanswered,
    ackP50Ms: quantile(times, 0.5),
    ackP99Ms: quantile(times, 0.99),
    worst,
    allMs: quantile(all, 0.5),
  };
}

function worstExpressions(): readonly string[] {
  const many = (text: string): string =>
    `${text},`.repeat(Math.floor(LONGEST_CHARS / (text.length + 1))).slice(0, -1);
  return [
    '*[1-1024][1-4]*',
    many('*[1-1024][1-4]*'),
    many('a[1-1024][1-4]*'),
    `${'*a'.repeat(LONGEST_CHARS / 2)}b`,
    many('*a*b'),
    many(`*${'a'.repeat(30)}b`),
    many('?'.repeat(63)),
    many('web[1-1024][1-4]'),
    many('x[1-1024][1-4]'),
    `web${'[1-2]'.repeat(2_000)}`,
    many('all'),
    Array.from({ length: 100 }, (_, n) => `${'a'.repeat(58)}bcde${n}`).join(','),
    Array.from({ length: 1_000 }, (_, n) => `10.0.9.${n}`).join(','),
    many('@*'),
    many('@g*'),
  ];
}
