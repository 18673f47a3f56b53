/** Which hosts of a run `retry` can be asked for. */
export const RETRY_OF = ['failed', 'unreachable', 'lost', 'skipped', 'all'] as const;
export type RetryOf = (typeof RETRY_OF)[number];

/** What `/batch` can be asked for, in the order of its line of use, which is made from this table. */
export const VERBS = [
  { name: 'help', usage: 'help' },
  { name: 'hosts', usage: 'hosts [EXPR]' },
  { name: 'runs', usage: 'runs [N]' },
  { name: 'show', usage: 'show RUN [HOST]' },
  { name: 'cancel', usage: 'cancel RUN' },
  { name: 'retry', usage: `retry RUN [${RETRY_OF.join('|')}]` },
  { name: 'can', usage: 'can [EXPR]' },
  { name: 'queue', usage: 'queue' },
  { name: 'trust', usage: 'trust EXPR' },
  { name: 'ping', usage: 'ping EXPR' },
  { name: 'facts', usage: 'facts EXPR' },
] as const;
