import { codeOf } from '../../../errors.ts';

const DEADLOCK = '40P01';
const MOST_DEADLOCKS = 3;

/**
 * Ours write one after the other, and so in no deadlock with each other; with pg-boss, which expires the tickets of
 * a process that stood still just as that one ends them, they can be. The server has undone the whole of it then.
 */
export async function repeatDeadlocked(write: () => Promise<void>): Promise<void> {
  for (let times = 1; ; times++) {
    try {
      return await write();
    } catch (error) {
      if (codeOf(error) !== DEADLOCK || times > MOST_DEADLOCKS) throw error;
    }
  }
}
