/** Reading JSON that others wrote. */

export type Json = Readonly<Record<string, unknown>>;

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The property where it is a string, else undefined. */
export function textOf(record: Json, name: string): string | undefined {
  const value = record[name];
  return typeof value === 'string' ? value : undefined;
}

export function recordOf(record: Json, name: string): Json | undefined {
  const value = record[name];
  return isRecord(value) ? value : undefined;
}

/** The property's elements that are objects; none where it is not an array. */
export function recordsOf(record: Json, name: string): readonly Record<string, unknown>[] {
  const value = record[name];
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

/** Undefined where the text is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
