/** What Slack says about a connection itself is short; a request is handed on without being read here. */
const MAX_CHARS = 2_000;

export type Frame =
  /** How many connections of this app Slack counts, where it tells. */
  | { readonly kind: 'hello'; readonly connections: number | undefined }
  /** This connection is to be replaced: Slack closes it soon, and goes on using it until then. */
  | { readonly kind: 'leave' }
  /** For the SDK. */
  | { readonly kind: 'other' };

export function readFrame(data: unknown): Frame {
  if (typeof data !== 'string' || data.length > MAX_CHARS) return { kind: 'other' };
  let frame: unknown;
  try {
    frame = JSON.parse(data);
  } catch {
    return { kind: 'other' };
  }
  if (typeof frame !== 'object' || frame === null || !('type' in frame)) return { kind: 'other' };
  if (frame.type === 'hello') {
    const connections = 'num_connections' in frame ? frame.num_connections : undefined;
    return { kind: 'hello', connections: typeof connections === 'number' ? connections : undefined };
  }
  const isLeave =
    frame.type === 'disconnect' &&
    'reason' in frame &&
    (frame.reason === 'warning' || frame.reason === 'refresh_requested');
  return { kind: isLeave ? 'leave' : 'other' };
}
