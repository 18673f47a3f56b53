import { parseCommand } from '../../src/command/parse-command.ts';
import type { Request } from '../../src/command/request.ts';
import { Refusal } from '../../src/errors.ts';

export const run = (text: string) => parseCommand('/batch_run', text);
export const copy = (text: string) => parseCommand('/batch_scp', text);
export const desk = (text: string) => parseCommand('/batch', text);

export function refusalOf(parse: (text: string) => Request, text: string): Refusal {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  throw new Error(`not refused: ${text}`);
}

export function commandOf(text: string): string {
  const request = run(text);
  return request.kind === 'fleet' && request.work.action === 'run' ? request.work.command : 'none';
}
