import type { Database, DatabaseSettings } from './database.ts';
import { isServerUrl } from './database-url.ts';

/** By what the administrator wrote. Loads what a server needs only where one is named. */
export async function openDatabase(settings: DatabaseSettings): Promise<Database> {
  if (isServerUrl(settings.url)) return await (await import('./postgres/database.ts')).openServer(settings);
  return await (await import('./embedded/embedded.ts')).openEmbedded(settings);
}
