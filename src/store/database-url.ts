import { dirname } from 'node:path';
import { parseDatabaseUrl } from './embedded/database.ts';

/** Where the tables of a server are named, what is on this machine's disk has the place that it has without one. */
const WITHOUT_FILE = 'file:data/batchops.db';

/** Whether the tables are on a server, which several processes may share. */
export function isServerUrl(url: string): boolean {
  return /^postgres(ql)?:/i.test(url);
}

/** The folder for what belongs to the database and is in files. */
export function databaseFolder(url: string): string {
  return dirname(parseDatabaseUrl(isServerUrl(url) ? WITHOUT_FILE : url));
}
