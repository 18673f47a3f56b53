/**
 * Key exchange is a few milliseconds of computing in one piece. When a whole fleet answers at once, these
 * pieces would follow each other without a gap, and Slack would wait: so one is done per turn of the event
 * loop, with everything else in between.
 */
const waiting: (() => void)[] = [];

export function takeTurn(turn: () => void): void {
  if (waiting.push(turn) === 1) setImmediate(nextTurn);
}

function nextTurn(): void {
  const turn = waiting.shift();
  if (waiting.length > 0) setImmediate(nextTurn);
  turn?.();
}
