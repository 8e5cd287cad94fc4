import { describe, expect, it } from '@jest/globals';
import { FakeClock } from './fake-clock';

describe('a fake clock', () => {
  it('ends sleeps without delay, in the order of their times', async () => {
    const clock = new FakeClock(0);
    const woken: string[] = [];
    const sleep = async (name: string, ...times: number[]) => {
      for (const time of times) await clock.sleep(time);
      woken.push(`${name} at ${clock.now()}`);
    };
    await Promise.all([sleep('long', 2_500), sleep('short', 10), sleep('twice', 1_000, 1_000)]);
    expect(woken).toEqual(['short at 10', 'twice at 2000', 'long at 2500']);
  });

  it('does not advance for a sleep that was aborted', async () => {
    const clock = new FakeClock(0);
    const controller = new AbortController();
    const sleeping = clock.sleep(2_500, controller.signal);
    controller.abort();
    await expect(sleeping).rejects.toThrow('aborted');
    await clock.sleep(1);
    expect(clock.now()).toBe(1);
  });
});
