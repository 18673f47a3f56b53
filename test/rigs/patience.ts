import { vi } from 'vitest';

/**
 * How long a test waits for a fact is no claim of the test: it ends when the fact is there. Vitest's own second is over
 * for whatever needs one more turn after this process was held up for that long; a wait ends just before the test
 * would, so that what was waited for is still named.
 */
const PATIENT_MS = 25_000;

const { waitFor } = vi;

// Files share a process, and each of them comes by here.
if (waitFor.name !== 'waitPatiently') {
  const waitPatiently: typeof waitFor = (check, options = {}) => {
    const { timeout = 0, interval } = typeof options === 'number' ? { timeout: options } : options;
    return waitFor(check, {
      timeout: Math.max(timeout, PATIENT_MS),
      ...(interval !== undefined && { interval }),
    });
  };
  vi.waitFor = waitPatiently;
}
