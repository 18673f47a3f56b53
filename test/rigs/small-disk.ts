import { execFileSync } from 'node:child_process';

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

/** A disk of its own at a folder that is there, of so many KiB. */
export function mountSmall(folder: string, kib: number): Disposable {
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${kib}k,mode=700`, 'tmpfs', folder]);
  return { [Symbol.dispose]: () => void execFileSync('umount', ['-l', folder]) };
}
