import { execFileSync } from 'node:child_process';
import { statfsSync } from 'node:fs';

/** A small disk of its own takes root with the right to mount one, which a container may not have. */
export const CAN_MOUNT = (() => {
  try {
    execFileSync('sh', ['-c', 'd=$(mktemp -d) && mount -t tmpfs -o size=64k tmpfs "$d" && umount "$d"'], {
      stdio: 'ignore',
    });
    return true;
  } catch {
    return false;
  }
})();

/** Somebody fills it: it has no byte more than what lies on it now. */
export function fillDisk(folder: string): void {
  for (let tries = 0; ; tries++) {
    const { blocks, bfree, bsize } = statfsSync(folder);
    const kib = Math.max(4, ((blocks - bfree) * bsize) / 1024);
    try {
      execFileSync('mount', ['-o', `remount,size=${kib}k`, folder], { stdio: 'ignore' });
      return;
    } catch (error) {
      // Whoever writes to it has just got more.
      if (tries > 100) throw error;
    }
  }
}

/** A disk of its own at a folder that is there, of so many KiB. */
export function mountSmall(folder: string, kib: number, more = 'mode=700'): Disposable {
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${kib}k,${more}`, 'tmpfs', folder]);
  return { [Symbol.dispose]: () => void execFileSync('umount', ['-l', folder]) };
}
