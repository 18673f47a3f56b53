import type { Logger } from 'pino';
import type { Condition } from './condition.ts';
import type { Shutdown } from './shutdown.ts';

/** After so many the log has what it needs: what fails in a circle shall not fill the disk. */
const MAX_LOGGED = 20;

export interface DefectHandling {
  readonly log: (error: unknown) => void;
  /** Called with the first defect only: the shutdown begins. */
  readonly onFirst: () => void;
}

/**
 * What is done with an error that nobody caught. It cannot call itself: where telling of a defect is the next
 * defect, the telling is given up, the shutdown is not.
 */
export function createDefectHandler({ log, onFirst }: DefectHandling): (error: unknown) => void {
  let seen = 0;
  let isTelling = false;
  return (error) => {
    seen += 1;
    const isFirst = seen === 1;
    if (!isTelling && seen <= MAX_LOGGED) {
      isTelling = true;
      try {
        log(error);
      } catch {
        // An error may be made so that to look at it throws.
      }
      isTelling = false;
    }
    if (isFirst) onFirst();
  };
}

/** From now on the first error that nobody caught begins the shutdown, with exit code 1. */
export function endOnDefect(
  bot: Pick<Condition, 'phase' | 'hasDefect'>,
  { log, end, exit }: Shutdown & { readonly log: Logger },
): void {
  const onDefect = createDefectHandler({
    log: (error) => log.fatal({ err: error }, 'a defect; stopping, so that the supervisor starts afresh'),
    onFirst() {
      bot.hasDefect = true;
      process.exitCode = 1;
      // Nothing runs yet, so nothing has to be brought to an end.
      if (bot.phase === 'starting') exit(1);
      end();
    },
  });
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) process.on(event, onDefect);
}
