import { expect, test } from 'vitest';
import { drain, openRig, openRun } from './rig.ts';

const HOUR = 3_600_000;

test.each([HOUR, -HOUR])(
  'a clock that jumps by %d ms holds up no message, and hands none out twice',
  async (jump) => {
    let wall = Date.now();
    let steady = wall;
    await using rig = await openRig({ auditChannel: undefined, now: () => wall, steady: () => steady });
    const claim = () =>
      rig.store.outbox.claim({
        limit: 100,
        now: steady,
        leaseMs: 45_000,
        except: [],
      });

    await openRun(rig.store, { hosts: 2 });
    await drain(rig.store);
    wall += jump;
    expect(await rig.store.outbox.nextDueAt()).toBeLessThanOrEqual(steady);
    const first = await claim();
    expect(first.map(({ key }) => key.split(':')[0]).sort()).toEqual(['reply', 'reply', 'root']);
    // A lease is as long as it was, whatever the wall clock says.
    wall -= jump;
    steady += 44_000;
    wall += 44_000;
    expect(await claim()).toEqual([]);
    steady += 2_000;
    wall += 2_000;
    expect(await claim()).toHaveLength(3);

    // What happens after the jump is told as soon as ever.
    wall += jump;
    await openRun(rig.store, { hosts: 2 });
    await drain(rig.store);
    expect(await rig.store.outbox.nextDueAt()).toBeLessThanOrEqual(steady);
    expect((await claim()).length).toBeGreaterThanOrEqual(3);
  },
);
