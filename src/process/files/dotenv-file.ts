import { readFileSync } from 'node:fs';
import { parse, populate } from 'dotenv';
import { ConfigError, codeOf, showCode } from '../../errors.ts';
import { decodeText, NotText } from '../../inventory/text.ts';

/**
 * Settings of `.env` that are not set otherwise. One that is there and cannot be read is a `ConfigError`: it would
 * else look like a handful of missing settings.
 */
export function readDotenvFile(env: Record<string, string | undefined>): void {
  try {
    populate(env, parse(decodeText(readFileSync('.env'), 'full-line')));
  } catch (error) {
    if (error instanceof NotText) throw new ConfigError([`.env ${error.message}`]);
    if (codeOf(error) !== 'ENOENT') throw new ConfigError([`.env: cannot be read (${showCode(error)})`]);
  }
}
