import type { Asked, Fact } from '../world/world.ts';

/** Slack brought or heard this. */
export const isSlack = (kind: 'frame' | 'ack' | 'call', name: string) => (fact: Fact) => {
  if (fact.from !== 'slack' || fact.part.kind !== kind) return false;
  return 'name' in fact.part ? fact.part.name === name : fact.part.values.type === name;
};

/** A post of a run: to the audit channel go others. */
export const isPost = (isReply: boolean) => (fact: Fact) =>
  isSlack('call', 'chat.postMessage')(fact) &&
  fact.from === 'slack' &&
  fact.part.kind === 'call' &&
  String(fact.part.values.channel).startsWith('C0CHAOS') &&
  'thread_ts' in fact.part.values === isReply;

/** Not before it was so this often. */
export const nth = (n: number, isIt: (fact: Fact) => boolean) => {
  let met = 0;
  return (fact: Fact): boolean => isIt(fact) && ++met >= n;
};

export const isHost = (what: 'began' | 'ended', asked: () => Asked | undefined) => (fact: Fact) =>
  fact.from === 'hosts' && fact.event.what === what && fact.event.tag === asked()?.tag;
