import type { Store } from '../ports/store.ts';

/** Several processes share the work, and none of them is there for the hosts. */
export function lacksWorkers({ crew }: Pick<Store, 'crew'>): boolean {
  return crew?.has('bot') === true && !crew.has('worker');
}
