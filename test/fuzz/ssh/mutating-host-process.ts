import { startMutatingHosts } from './mutating-host.ts';
import type { Mutation } from './mutation.ts';

/** In a process of its own: what a mutated host does to itself is not the client's affair. */
let mutations: readonly Mutation[] = [];
const server = await startMutatingHosts((index) => mutations[index]);
process.on('message', (next: readonly Mutation[]) => {
  mutations = next;
  process.send?.('taken');
});
process.once('disconnect', () => process.exit(0));
// Whatever it trips over is what it did itself.
process.on('uncaughtException', () => {});
process.send?.(server.port);
