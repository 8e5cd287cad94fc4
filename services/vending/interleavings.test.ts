import { describe, expect, it, test } from '@jest/globals';
import { deliverUntilAcknowledged, interleaveAfterEffect } from '#kit/testing/interleaving';
import { Crash } from '#kit/testing/memory-transport';
import { VendCancelled, VendCompleted, VendUnpaid } from '#contracts/vending';
import {
  type Bed,
  answer,
  bedWith,
  pending,
  place,
  placed,
  replicaOf,
  slotIn,
  vendOf,
} from './testing';
import { World } from './testing-world';

// A vend is carried out, and its machine answers, in two processes: one goes on after each single
// effect of the other, either may die on the way, and what is given up may have been dispensed.

type Work = (bed: Bed) => Promise<unknown>;
type Outcome = 'acknowledged' | 'failed' | 'expired';

const TOKENS = ['tok_ok', 'tok_declined', 'tok_flaky', 'tok_timeout'];
const PAID = ['tok_ok', 'tok_capture_flaky', 'tok_capture_timeout', 'tok_capture_expired'];
const OUTCOMES: Outcome[] = ['acknowledged', 'failed', 'expired'];
const PATIENCE_MS = 60_000;

/** What the machine tells, if it was told to dispense. */
const tell =
  (...outcomes: Outcome[]): Work =>
  async (bed) => {
    if (bed.sidecar.dead) bed.restart();
    const { status } = await vendOf(bed);
    if (status === 'pending') return 'SUCCESS';
    for (const [nth, outcome] of outcomes.entries()) {
      await deliverUntilAcknowledged(bed, (on) =>
        answer(on, outcome, nth > 0 ? { late: true } : {}),
      );
    }
    return 'SUCCESS';
  };

async function effectsOf(bed: Bed, work: Work): Promise<number> {
  bed.injectFaults({});
  await work(bed);
  return bed.sidecar.effects;
}

/** Does the jobs that are due, until none is left that has anything to do. */
async function finish(bed: Bed): Promise<void> {
  if (bed.sidecar.dead) bed.restart();
  bed.injectFaults({});
  const done = new Set<string>();
  for (let rounds = 0; rounds < 9; rounds++) {
    const due = [...bed.memory.jobs.keys()].filter((name) => !done.has(name));
    if (due.length === 0) return;
    for (const name of due) {
      done.add(name);
      await bed.runJob(name);
    }
  }
  throw new Error('jobs without an end');
}

/** What it came to; throws where something is in between. */
async function ending(bed: Bed, world: World, what: string) {
  await finish(bed);
  const { status } = await vendOf(bed);
  const { gone, paid } = world.outcome();
  const said = {
    completed: bed.published(VendCompleted).length,
    cancelled: bed.published(VendCancelled).length,
    unpaid: bed.published(VendUnpaid).length,
  };
  const { quantity, claimed } = await slotIn(bed);
  const left = { slot: quantity, claimed, stock: world.pieces.get('tea') };
  const secrets = JSON.stringify([...bed.memory.documents, bed.memory.events]).includes('tok_');
  const taken = gone ? 1 : 0;
  expect({ what, status, gone, paid, left, secrets }).toEqual({
    ...{ what, status, gone: status !== 'cancelled', paid: status === 'completed' },
    left: { slot: 3 - taken, claimed: 0, stock: 10 - taken },
    secrets: false,
  });
  expect({ what, ...said }).toEqual({
    what,
    completed: status === 'completed' ? 1 : 0,
    // what is dispensed after all was said to be cancelled before
    cancelled: status === 'cancelled' ? 1 : status === 'unpaid' ? said.cancelled : 0,
    unpaid: status === 'unpaid' ? 1 : 0,
  });
  expect(['completed', 'cancelled', 'unpaid']).toContain(status);
  return status;
}

describe.each(TOKENS)('a vend that is carried out by two at once, paid with %s', (token) => {
  it.each(OUTCOMES)('ends the same when its machine answers: %s', async (outcome) => {
    const alone = new World();
    const undisturbed = await bedWith([pending(token)], alone);
    const effects = await effectsOf(undisturbed, place);
    await tell(outcome)(undisturbed);
    const expected = await ending(undisturbed, alone, 'undisturbed');
    for (let n = 1; n <= effects; n++) {
      const world = new World();
      const bed = await bedWith([pending(token)], world);
      const other = replicaOf(bed, world);
      interleaveAfterEffect(bed, n, () => deliverUntilAcknowledged(other, place));
      await deliverUntilAcknowledged(bed, place);
      await tell(outcome)(bed);
      const what = `overtaken after effect ${n} of ${effects}`;
      expect(await ending(bed, world, what)).toBe(expected);
    }
  });

  it.each(OUTCOMES)('ends, when one sleeps until the machine has answered: %s', async (outcome) => {
    const effects = await effectsOf(await bedWith([pending(token)]), place);
    for (let n = 1; n <= effects; n++) {
      const world = new World();
      const bed = await bedWith([pending(token)], world);
      const other = replicaOf(bed, world);
      interleaveAfterEffect(bed, n, async () => {
        await deliverUntilAcknowledged(other, place);
        await tell(outcome)(other);
      });
      await deliverUntilAcknowledged(bed, place);
      await ending(bed, world, `asleep after effect ${n} of ${effects}`);
    }
  });

  it(
    'ends, whoever dies where',
    async () => {
      const effects = await effectsOf(await bedWith([pending(token)]), place);
      for (let n = 1; n <= effects; n++) {
        for (let kill = 1; kill <= effects; kill++) {
          const world = new World();
          const bed = await bedWith([pending(token)], world);
          const other = replicaOf(bed, world);
          other.injectFaults({ crashAfterEffect: kill });
          interleaveAfterEffect(bed, n, () => place(other).catch(() => undefined));
          await deliverUntilAcknowledged(bed, place);
          await deliverUntilAcknowledged(other, place);
          await tell('acknowledged')(other);
          await ending(bed, world, `effect ${n}, the other killed after ${kill}`);
        }
      }
    },
    PATIENCE_MS,
  );
});

describe.each(PAID)('a machine answers, paid with %s', (token) => {
  const answers: [Outcome[], Outcome[]][] = [
    [['acknowledged'], ['acknowledged']],
    [['acknowledged'], ['expired']],
    [['expired'], ['acknowledged']],
    [['expired'], ['expired', 'acknowledged']],
    [['expired'], ['failed']],
    [['failed'], ['expired']],
  ];

  it.each(answers)('%s, and meanwhile %s', async (first, second) => {
    const { bed: alone } = await placed(token);
    const effects = await effectsOf(alone, tell(...first));
    for (let n = 1; n <= effects; n++) {
      const { bed, world } = await placed(token);
      const other = replicaOf(bed, world);
      bed.injectFaults({});
      interleaveAfterEffect(bed, n, () => tell(...second)(other));
      await tell(...first)(bed);
      await ending(bed, world, `overtaken after effect ${n} of ${effects}`);
    }
  });

  it.each(answers)(
    '%s, and meanwhile %s, which dies on its way',
    async (first, second) => {
      const { bed: alone } = await placed(token);
      const effects = await effectsOf(alone, tell(...first));
      for (let n = 1; n <= effects; n++) {
        for (let kill = 1; kill <= 9; kill++) {
          const { bed, world } = await placed(token);
          const other = replicaOf(bed, world);
          bed.injectFaults({});
          other.injectFaults({ crashAfterEffect: kill });
          interleaveAfterEffect(bed, n, async () => {
            try {
              for (const outcome of second) await answer(other, outcome);
            } catch (error) {
              if (!(error instanceof Crash)) throw error;
            }
          });
          await tell(...first)(bed);
          await tell(...second)(other);
          await ending(bed, world, `effect ${n}, the other killed after ${kill}`);
        }
      }
    },
    PATIENCE_MS,
  );
});

test('a vend whose job goes on in one process, while its machine answers again in another, ends', async () => {
  const { bed: alone } = await placed('tok_capture_timeout');
  await tell('acknowledged')(alone);
  const effects = await effectsOf(alone, (bed) => bed.runJob('settle.v1.1'));
  for (let n = 1; n <= effects; n++) {
    const { bed, world } = await placed('tok_capture_timeout');
    const other = replicaOf(bed, world);
    await tell('acknowledged')(bed);
    bed.injectFaults({});
    interleaveAfterEffect(bed, n, () => tell('acknowledged', 'expired')(other));
    await bed.runJob('settle.v1.1');
    expect(await ending(bed, world, `overtaken after effect ${n}`)).toBe('completed');
  }
});

test('what was given up and dispensed all the same is booked once, whoever dies where', async () => {
  for (let kill = 1; kill <= 15; kill++) {
    const { bed, world } = await placed();
    await tell('expired')(bed);
    bed.injectFaults({ crashAfterEffect: kill });
    await answer(bed, 'acknowledged', { late: true }).catch(() => undefined);
    await deliverUntilAcknowledged(bed, (on) => answer(on, 'acknowledged', { late: true }));
    expect(await ending(bed, world, `killed after ${kill}`)).toBe('unpaid');
    expect(await slotIn(bed)).toEqual({ quantity: 2, claimed: 0, fault: undefined });
  }
});
