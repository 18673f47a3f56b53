import type { TrailSource } from '../audit/trail-source.ts';
import { asConfigError, openReader, parseDatabaseUrl } from './database.ts';

/** The file as somebody sees it who only reads. */
export function fileView(url: string): TrailSource {
  const path = parseDatabaseUrl(url);
  return { open: () => openReader(path), asConfigError: (error) => asConfigError(path, error) };
}
