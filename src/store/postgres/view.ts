import type { TrailSource } from '../audit/trail-source.ts';

/** The server as somebody sees it who only reads. */
export function serverView(url: string): TrailSource {
  return {
    open: async () => (await import('./connect.ts')).openReader(url),
    asConfigError: (error) => error,
  };
}
