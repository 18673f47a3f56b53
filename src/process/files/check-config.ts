import { inspectConfig } from '../../config.ts';
import { ConfigError } from '../../errors.ts';
import type { InventorySources } from '../../inventory/host-section.ts';
import { type Fleet, readFleet } from './fleet-files.ts';
import { findSuspicions } from './suspicions.ts';

export interface ConfigCheck {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly findKeyFault: InventorySources['findKeyFault'];
  /** Rejects with a `ConfigError` where the file of known host keys cannot be relied on. */
  readonly readKnownHosts: (path: string) => Promise<unknown>;
}

/**
 * `npm run check-config`: all that would keep the bot from starting, as far as files and settings tell, and all
 * that is suspicious. Touches nothing, and needs no tokens.
 */
export async function checkConfig({ env, findKeyFault, readKnownHosts }: ConfigCheck): Promise<{
  readonly problems: readonly string[];
  readonly suspicions: readonly string[];
}> {
  const { config, problems } = inspectConfig(env, 'optional');
  const found = [...problems];
  const note = (error: unknown): void => {
    if (error instanceof ConfigError) found.push(...error.problems);
    else throw error;
  };
  let fleet: Partial<Fleet> = {};
  try {
    fleet = readFleet(config, env, findKeyFault);
  } catch (error) {
    note(error);
  }
  await readKnownHosts(config.knownHostsPath).catch(note);
  return { problems: found, suspicions: findSuspicions(config, env, fleet) };
}

/** What it prints: a line each, and how it ends. */
export function formatCheck(check: Awaited<ReturnType<typeof checkConfig>>): string {
  const lines = [
    ...check.problems.map((problem) => `problem: ${problem}`),
    ...check.suspicions.map((suspicion) => `is this meant? ${suspicion}`),
    `${check.problems.length} problems, ${check.suspicions.length} suspicions`,
  ];
  return `${lines.join('\n')}\n`;
}
