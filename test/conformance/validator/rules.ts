/**
 * The grammar that Slack's limits are written in here: a rule looks at a value and says what is wrong with it and
 * where. Nothing of the sandbox is used, so that the two cannot share a mistake.
 */

export type Json = Readonly<Record<string, unknown>>;

export interface Fault {
  /** As a path into the payload: `blocks/0/text/text`. */
  readonly at: string;
  /** Which limit, and by how much. */
  readonly limit: string;
}

export type Rule = (value: unknown, at: string) => readonly Fault[];

export function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function fault(at: string, limit: string): readonly Fault[] {
  return [{ at, limit }];
}

export const anything: Rule = () => [];

/** In UTF-16 units, as Slack's own clients count. Text of blanks alone is no text where `min` is not 0. */
export function text({ max, min = 1 }: { readonly max: number; readonly min?: number }): Rule {
  return (value, at) => {
    if (typeof value !== 'string') return fault(at, `is no text but ${typeof value}`);
    if (value.length > max) return fault(at, `has ${value.length} characters, at most ${max}`);
    if (value.length < min || (min > 0 && value.trim() === '')) return fault(at, 'is empty');
    return value.isWellFormed() ? [] : fault(at, 'has half a surrogate pair');
  };
}

/** As {@link text}, where blanks are content. */
export const characters: Rule = (value, at) => {
  if (typeof value !== 'string') return fault(at, `is no text but ${typeof value}`);
  if (value === '') return fault(at, 'is empty');
  return value.isWellFormed() ? [] : fault(at, 'has half a surrogate pair');
};

export function matching(pattern: RegExp): Rule {
  return (value, at) =>
    typeof value === 'string' && pattern.test(value) ? [] : fault(at, `is ${value}, not like ${pattern}`);
}

/** Also as the words of a form. */
export const flag: Rule = (value, at) =>
  [true, false, 'true', 'false'].includes(value as never) ? [] : fault(at, `is ${value}, not true or false`);

/** Also as the digits of a form. */
export function whole({ min, max = Number.MAX_SAFE_INTEGER }: { min: number; max?: number }): Rule {
  return (value, at) => {
    const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
    return typeof number === 'number' && Number.isInteger(number) && number >= min && number <= max
      ? []
      : fault(at, `is ${value}, not a whole number of ${min} to ${max}`);
  };
}

export function oneOf(...allowed: readonly unknown[]): Rule {
  return (value, at) =>
    allowed.includes(value) ? [] : fault(at, `is ${value}, not one of ${allowed.join(', ')}`);
}

export function list(rule: Rule, { max, min = 1 }: { readonly max: number; readonly min?: number }): Rule {
  return (value, at) => {
    if (!Array.isArray(value)) return fault(at, 'is no list');
    return [
      ...(value.length > max ? fault(at, `has ${value.length} items, at most ${max}`) : []),
      ...(value.length < min ? fault(at, `has ${value.length} items, at least ${min}`) : []),
      ...value.flatMap((item, index) => rule(item, `${at}/${index}`)),
    ];
  };
}

/** An object of these properties and no other; `type` is judged by {@link kinds}. */
export function object(
  required: Readonly<Record<string, Rule>>,
  optional: Readonly<Record<string, Rule>> = {},
  together: (value: Json, at: string) => readonly Fault[] = () => [],
): Rule {
  return (value, at) => {
    if (!isJson(value)) return fault(at, 'is no object');
    const rules = { ...required, ...optional };
    const missing = Object.keys(required).filter((name) => value[name] === undefined);
    const present = Object.entries(value).filter(([, inner]) => inner !== undefined);
    return [
      ...missing.flatMap((name) => fault(join(at, name), 'is missing')),
      ...present.flatMap(([name, inner]) => {
        const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
        if (rule !== undefined) return rule(inner, join(at, name));
        return name === 'type' ? [] : fault(join(at, name), 'is not known to the validator');
      }),
      ...together(value, at),
    ];
  };
}

/** An object whose `type` says by which of these it is judged. */
export function kinds(what: string, rules: Readonly<Record<string, Rule>>): Rule {
  return (value, at) => {
    if (!isJson(value)) return fault(at, 'is no object');
    const rule = Object.hasOwn(rules, String(value.type)) ? rules[String(value.type)] : undefined;
    return rule?.(value, at) ?? fault(at, `is of type ${value.type}: the validator knows no such ${what}`);
  };
}

/** A structure inside a form: JSON in a string, or as it is. */
export function structure(rule: Rule): Rule {
  return (value, at) => {
    if (typeof value !== 'string') return rule(value, at);
    let parsed: unknown;
    try {
      parsed = JSON.parse(value);
    } catch {
      return fault(at, 'is no JSON');
    }
    return rule(parsed, at);
  };
}

export function both(...rules: readonly Rule[]): Rule {
  return (value, at) => rules.flatMap((rule) => rule(value, at));
}

/** Exactly one of these properties. */
export function justOne(...names: readonly string[]): (value: Json, at: string) => readonly Fault[] {
  return (value, at) =>
    names.filter((name) => value[name] !== undefined).length === 1
      ? []
      : fault(at, `has not exactly one of ${names.join(', ')}`);
}

/** The values, where none comes twice. */
export function unique(values: readonly unknown[], at: string, what: string): readonly Fault[] {
  const twice = values.filter((value, index) => value !== undefined && values.indexOf(value) < index);
  return twice.flatMap((value) => fault(at, `has the ${what} ${value} twice`));
}

export function listOf(value: Json, name: string): readonly Json[] {
  const items = value[name];
  return Array.isArray(items) ? items.filter(isJson) : [];
}

function join(at: string, name: string): string {
  return at === '' ? name : `${at}/${name}`;
}
