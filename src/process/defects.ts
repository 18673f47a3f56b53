/** After so many the log has what it needs: what fails in a circle shall not fill the disk. */
const MAX_LOGGED = 20;

export interface DefectHandling {
  readonly log: (error: unknown) => void;
  /** Called with the first defect only: the way out begins. */
  readonly onFirst: () => void;
}

/**
 * What is done with an error that nobody caught. It cannot call itself: where telling of a defect is the next
 * defect, the telling is given up, the way out is not.
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
