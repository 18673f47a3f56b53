import { createReadStream, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Traffic } from '../../../src/sandbox/slack/traffic.ts';
import { findMisfits } from '../shapes/fits.ts';
import { isJson } from '../validator/rules.ts';
import { findFaults, nameOf } from '../validator/validate.ts';

export interface Judgement {
  /** How often each was sent: methods and acks, and `block section`, `element button` within them. */
  readonly counts: ReadonlyMap<string, number>;
  /** Each with its test file, method, path and limit; the same one of one file once. */
  readonly faults: readonly string[];
  /** What the sandbox sent otherwise than Slack does, each with its test file. */
  readonly misfits: readonly string[];
}

/** Reads all that a test run has recorded. */
export async function judge(folder: string): Promise<Judgement> {
  const counts = new Map<string, number>();
  const faults = new Set<string>();
  const misfits = new Set<string>();
  for (const name of readdirSync(folder).toSorted()) {
    const speaker = decodeURIComponent(name.replace(/\.\d+$/, ''));
    for await (const line of createInterface({ input: createReadStream(join(folder, name)) })) {
      // The last line of a process that was killed may be half a line.
      const sent = parse(line);
      if (sent === undefined) continue;
      for (const each of findMisfits(sent)) misfits.add(`${speaker}: ${each}`);
      const what = nameOf(sent);
      if (what === undefined) continue;
      for (const each of [what, ...listParts(sent)]) counts.set(each, (counts.get(each) ?? 0) + 1);
      for (const { at, limit } of findFaults(sent))
        faults.add(`${speaker}: ${what}: ${at.replaceAll(/\/\d+(?=\/)/g, '/*')} ${limit}`);
    }
  }
  return { counts, faults: Array.from(faults), misfits: Array.from(misfits) };
}

function parse(line: string): Traffic | undefined {
  try {
    return JSON.parse(line) as Traffic;
  } catch {
    return undefined;
  }
}

/** The blocks and elements of what was sent, each by its type. */
function listParts(sent: Traffic): readonly string[] {
  const found: string[] = [];
  const look = (value: unknown, parent: string): void => {
    if (Array.isArray(value)) for (const item of value) look(item, parent);
    else if (isJson(value)) {
      if (parent === 'blocks') found.push(`block ${value.type}`);
      if (parent === 'element' || (parent === 'elements' && 'action_id' in value))
        found.push(`element ${value.type}`);
      for (const [name, inner] of Object.entries(value)) look(inner, name);
    } else if (typeof value === 'string' && (parent === 'blocks' || parent === 'view')) {
      try {
        const inner: unknown = JSON.parse(value);
        if (typeof inner === 'object') look(inner, parent);
      } catch {
        // said by the validator
      }
    }
  };
  if ('values' in sent) look(sent.values, '');
  return found;
}
