import { describe, expect, it, jest } from '@jest/globals';
import { z } from 'zod';
import { newCallContext } from '../core/call-context';
import { Code, MicroserviceError, unavailable } from '../core/errors';
import { defineCommand } from '../messages/contract';
import { type Context } from '../service/context';
import { Service } from '../service/service';
import { testbed } from '../testing/testbed';
import type { Sidecar } from '../transport/sidecar';

const LightLamp = defineCommand('LightLamp', {
  type: 'lamp.light',
  description: 'Light a lamp.',
  data: z.object({ lamp: z.string() }),
  subject: ({ lamp }) => lamp,
});
const lamps = new Service('lamps', { publishes: [LightLamp] });

const BUDGET_MS = 3_000;
/** The caller's time without the part that is left for the answer. */
const WAIT_MS = BUDGET_MS - 1_000;

/** A caller that waits for a command which another replica executes. */
function waiting() {
  const bed = testbed(lamps);
  bed.sidecar.onPublish = () => undefined;
  const started = bed.clock.now();
  const callContext = newCallContext(bed.clock, { deadline: started + BUDGET_MS });
  const { dispatchAndWait } = bed.runtime.openContext(callContext) as unknown as Context<
    typeof lamps.definition
  >;
  const light = () => dispatchAndWait(LightLamp, { lamp: 'l1' }, async () => 'lit');
  return { bed, light, elapsed: () => bed.clock.now() - started };
}

/** The in-memory load ignores its timeout, so its type has no such parameter. */
function replaceLoad(sidecar: Sidecar, load: (timeout: number) => Promise<undefined>): void {
  sidecar.load = (_, timeout) => load(timeout);
}

describe('a call that waits for a command', () => {
  it('reads the stored result within its remaining time, and ends early enough for its caller to get an answer', async () => {
    const { bed, light, elapsed } = waiting();
    const reads: { timeout: number; remaining: number }[] = [];
    replaceLoad(bed.sidecar, async (timeout) => {
      reads.push({ timeout, remaining: WAIT_MS - elapsed() });
      return undefined;
    });
    expect(await light()).toBeUndefined();
    expect(reads.length).toBeGreaterThan(3);
    for (const { timeout, remaining } of reads) {
      expect(timeout).toBe(Math.max(100, remaining));
    }
    expect(elapsed()).toBe(WAIT_MS);
  });

  it('ends without a result in time if the store does not answer', async () => {
    const { bed, light, elapsed } = waiting();
    replaceLoad(bed.sidecar, async (timeout) => {
      await bed.clock.sleep(timeout);
      throw new MicroserviceError('no answer', Code.DEADLINE_EXCEEDED);
    });
    expect(await light()).toBeUndefined();
    expect(elapsed()).toBeLessThanOrEqual(WAIT_MS + 100);
  });

  it('fails if the store cannot be reached', async () => {
    const { bed, light } = waiting();
    jest.spyOn(bed.sidecar, 'load').mockRejectedValue(unavailable('the store is down'));
    await expect(light()).rejects.toThrow('the store is down');
  });
});
