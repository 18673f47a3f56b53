/** A link to a message of this workspace, as chat.getPermalink makes them. */
export interface Permalink {
  readonly channelId: string;
  /** The root of its thread, or the message itself. */
  readonly threadTs: string;
}

export function parsePermalink(href: string, origin: string): Permalink | null {
  if (!href.startsWith(`${origin}/archives/`)) return null;
  const url = new URL(href);
  const [, channelId = '', seconds = '', micros = ''] =
    /^\/archives\/(\w+)\/p(\d+)(\d{6})$/.exec(url.pathname) ?? [];
  if (channelId === '') return null;
  return { channelId, threadTs: url.searchParams.get('thread_ts') ?? `${seconds}.${micros}` };
}
