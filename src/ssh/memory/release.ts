/**
 * Gives memory outside of V8's heap back at once. V8 counts what lies there, and looks through its whole heap after
 * every few megabytes of it, on threads of its own and on this one: a third of the CPU of a large copy, and more the
 * larger the bot is. Only for what nobody reads any more, and only where these bytes are all that lies there (never a
 * piece of Node's pool): whoever has them still finds them empty.
 */
export function release(bytes: Uint8Array): void {
  const { buffer } = bytes;
  if (isWhole(bytes) && buffer instanceof ArrayBuffer) buffer.transfer(0);
}

/** Less is not worth the while. */
const LARGE_BYTES = 16 * 1024;

/** Whether it is large, and alone in its memory: of Node's pool nothing is as long as the pool. */
export function isWhole({ buffer, byteLength }: Uint8Array): boolean {
  return byteLength >= LARGE_BYTES && byteLength === buffer.byteLength;
}
