import { readFileSync } from 'node:fs';
import type { Traffic } from '../../../src/sandbox/slack/traffic.ts';
import { isJson, type Json } from '../validator/rules.ts';

/**
 * `shapes.json`: what Slack sends, key by key; `?` marks a key that is not always there, `|` one type or another,
 * a word that is no type another shape, a list that of its items. Read off what Slack publishes of its own: the
 * samples of slackapi/java-slack-sdk (`json-logs`, 86ff7ca) for keys and types, the payloads in the tests of
 * slackapi/bolt-python (a2f21ae) for which are always there, and the examples on docs.slack.dev. Keys that neither
 * we nor the sandbox have to do with are left out, so a key that is not in a shape is one to look up there.
 */
export type Shape = string | readonly [Shape] | { readonly [key: string]: Shape };

export const SHAPES: Readonly<Record<string, Shape>> = JSON.parse(
  readFileSync(new URL('shapes.json', import.meta.url), 'utf8'),
);

/** The shape that this is to have; undefined for what the app itself sends. */
export function shapeOf(traffic: Traffic): string | undefined {
  switch (traffic.kind) {
    case 'call':
      return traffic.answer.ok === true ? `answer ${traffic.name}` : 'refusal';
    case 'frame':
      return `frame ${traffic.values.type}`;
    case 'request':
      return nameOfPayload(traffic.values);
    case 'response_url':
    case 'ack':
      return undefined;
    default:
      return traffic satisfies never;
  }
}

/** What in this is not as Slack has it; empty where all is. */
export function findMisfits(traffic: Traffic): readonly string[] {
  const name = shapeOf(traffic);
  if (name === undefined || traffic.kind === 'ack' || traffic.kind === 'response_url') return [];
  const value = traffic.kind === 'call' ? traffic.answer : traffic.values;
  // A fault kept the answer from being made.
  if (traffic.kind === 'call' && Object.keys(value).length === 0) return [];
  const inside = traffic.kind === 'frame' && isJson(value.payload) ? value.payload : undefined;
  return [
    ...misfits(value, name, name),
    ...(inside === undefined ? [] : misfits(inside, nameOfPayload(inside), nameOfPayload(inside))),
  ];
}

/** What people press, fill in and choose: one reader of ours may look at all of them for what only some have. */
const INTERACTIONS = [
  'block_actions',
  'block_suggestion',
  'view_submission',
  'view_closed',
  'shortcut',
  'message_action',
].map((type) => `payload ${type}`);

/** Whether Slack may send this: the name of a shape, then keys, `[]` for an item of a list. */
export function isSent(path: string): boolean {
  const name = Object.keys(SHAPES).find((each) => path.startsWith(`${each}.`));
  if (name === undefined) return false;
  const steps = path.slice(name.length).match(/\.[^.[]+|\[\]/g) ?? [];
  let places: readonly Shape[] = INTERACTIONS.includes(name) ? INTERACTIONS : [name];
  for (const step of steps) {
    places = places.flatMap(expand).flatMap((shape) => {
      if (typeof shape === 'string') return shape === 'any' ? ['any'] : [];
      if (isList(shape)) return step === '[]' ? [shape[0]] : [];
      const inner = shape[step.slice(1)] ?? shape[`${step.slice(1)}?`];
      return inner === undefined ? [] : [inner];
    });
  }
  return places.length > 0;
}

/** A word that names shapes stands for them. */
function expand(shape: Shape): readonly Shape[] {
  if (typeof shape !== 'string') return [shape];
  return shape.split('|').flatMap((name) => {
    const named = SHAPES[name];
    return named === undefined ? [name] : expand(named);
  });
}

function nameOfPayload(payload: Json): string {
  return `payload ${payload.type ?? 'slash_commands'}`;
}

function misfits(value: unknown, shape: Shape, at: string): readonly string[] {
  if (typeof shape === 'string') return misfitsOfAny(value, shape.split('|'), at);
  if (isList(shape)) {
    if (!Array.isArray(value)) return [`${at} is ${typeOf(value)}, Slack sends a list`];
    return value.flatMap((item) => misfits(item, shape[0], `${at}[]`));
  }
  if (!isJson(value)) return [`${at} is ${typeOf(value)}, Slack sends an object`];
  const known = Object.keys(shape).map((key) => key.replace('?', ''));
  return [
    ...Object.keys(value)
      .filter((key) => value[key] !== undefined && !known.includes(key))
      .map((key) => `${at}.${key} is nothing that Slack sends`),
    ...Object.entries(shape).flatMap(([key, inner]) => {
      const name = key.replace('?', '');
      if (value[name] !== undefined) return misfits(value[name], inner, `${at}.${name}`);
      return key === name ? [`${at}.${name} is missing, Slack always sends it`] : [];
    }),
  ];
}

/** Fits where it fits one of them; else what keeps it from the nearest. */
function misfitsOfAny(value: unknown, names: readonly string[], at: string): readonly string[] {
  const tries = names.map((name) => {
    if (name === 'any' || name === typeOf(value)) return [];
    const named = SHAPES[name];
    return named === undefined
      ? [`${at} is ${typeOf(value)}, Slack sends ${names.join(' or ')}`]
      : misfits(value, named, at);
  });
  return tries.toSorted((a, b) => a.length - b.length)[0] ?? [];
}

function typeOf(value: unknown): string {
  return value === null ? 'null' : typeof value;
}

function isList(shape: Shape): shape is readonly [Shape] {
  return Array.isArray(shape);
}
