/**
 * Key exchange is a few milliseconds of computing in one piece. When a whole fleet answers at once, these
 * pieces would follow each other without a gap, and Slack would wait: so one is done per turn of the event
 * loop, with everything else in between.
 */
const waiting: { readonly turn: () => void; readonly share: number }[] = [];

/** `share`: how much of a turn it takes; lighter work goes together. */
export function takeTurn(turn: () => void, share = 1): void {
  if (waiting.push({ turn, share }) === 1) setImmediate(nextTurn);
}

function nextTurn(): void {
  const now = waiting.splice(0, countOfOneTurn());
  if (waiting.length > 0) setImmediate(nextTurn);
  for (const { turn } of now) turn();
}

function countOfOneTurn(): number {
  let taken = 0;
  const end = waiting.findIndex(({ share }) => {
    taken += share;
    return taken >= 1;
  });
  return end < 0 ? waiting.length : end + 1;
}
