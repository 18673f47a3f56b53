export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** Sees what is put into a field of the library's. */
export function watchField(object: object, name: string, see: (value: unknown) => void): void {
  let value: unknown = Reflect.get(object, name);
  Object.defineProperty(object, name, {
    configurable: true,
    enumerable: true,
    get: () => value,
    set: (next: unknown) => {
      value = next;
      see(next);
    },
  });
}
