import { isRecord } from '../json.ts';

/**
 * Describes Block Kit shapes and finds what breaks them, in the words of Slack's `response_metadata.messages`:
 *
 *     [ERROR] must be less than 151 characters [json-pointer:/blocks/0/text/text]
 *
 * What is not listed is an error, in words of our own: much of it Slack has, but the bot sends none of it.
 */

export type Surface = 'message' | 'modal' | 'home';

export interface Faults {
  add(fault: string, at: string): void;
}

export type Check = (value: unknown, at: string, faults: Faults) => void;

export interface Shape {
  readonly required?: Readonly<Record<string, Check>>;
  readonly optional?: Readonly<Record<string, Check>>;
  /** What the properties must be together. */
  readonly also?: (record: Readonly<Record<string, unknown>>, at: string, faults: Faults) => void;
}

export function text(limits: { readonly max: number; readonly min?: number }): Check {
  const min = limits.min ?? 1;
  return (value, at, faults) => {
    if (typeof value !== 'string') faults.add('must be a string', at);
    else if (value.length > limits.max) faults.add(`must be less than ${limits.max + 1} characters`, at);
    else if (value.length < min) faults.add(`must be more than ${min - 1} characters`, at);
  };
}

export const bool: Check = (value, at, faults) => {
  if (typeof value !== 'boolean') faults.add('must be a boolean', at);
};

export const id: Check = text({ max: 255 });

export function integer(limits: { readonly min: number; readonly max: number }): Check {
  return (value, at, faults) => {
    if (typeof value !== 'number' || !Number.isInteger(value)) faults.add('must be an integer', at);
    else if (value < limits.min) faults.add(`must be more than ${limits.min - 1}`, at);
    else if (value > limits.max) faults.add(`must be less than ${limits.max + 1}`, at);
  };
}

export function oneOf(...allowed: readonly (string | number)[]): Check {
  return (value, at, faults) => {
    if (!allowed.some((item) => item === value)) faults.add(`must be one of ${allowed.join(', ')}`, at);
  };
}

export function list(item: Check, limits: { readonly min?: number; readonly max: number }): Check {
  const min = limits.min ?? 1;
  return (value, at, faults) => {
    if (!Array.isArray(value)) return faults.add('must be an array', at);
    if (value.length > limits.max) faults.add(`no more than ${limits.max} items allowed`, at);
    if (value.length < min) faults.add(`no less than ${min} items allowed`, at);
    value.forEach((each, index) => {
      item(each, `${at}/${index}`, faults);
    });
  };
}

/** An object with these properties; `type`, where it has one, is judged by {@link tagged}. */
export function shape({ required = {}, optional = {}, also }: Shape): Check {
  return (value, at, faults) => {
    if (!isRecord(value)) return faults.add('must be an object', at);
    for (const [name, check] of Object.entries(required)) {
      if (value[name] === undefined) faults.add(`missing required field: ${name}`, at);
      else check(value[name], `${at}/${name}`, faults);
    }
    for (const [name, child] of Object.entries(value)) {
      if (name === 'type' || Object.hasOwn(required, name)) continue;
      const check = Object.hasOwn(optional, name) ? optional[name] : undefined;
      if (check === undefined) faults.add(`the sandbox does not have property ${name}`, at);
      else if (child !== undefined) check(child, `${at}/${name}`, faults);
    }
    also?.(value, at, faults);
  };
}

/** An object whose `type` says which of these it is; `what` is the word for all of them. */
export function tagged(what: string, kinds: Readonly<Record<string, Check>>): Check {
  return (value, at, faults) => {
    if (!isRecord(value)) return faults.add('must be an object', at);
    if (typeof value.type !== 'string') return faults.add('missing required field: type', at);
    const check = Object.hasOwn(kinds, value.type) ? kinds[value.type] : undefined;
    if (check === undefined) faults.add(`the sandbox does not have ${what} type ${value.type}`, `${at}/type`);
    else check(value, at, faults);
  };
}
