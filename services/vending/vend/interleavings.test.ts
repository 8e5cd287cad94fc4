import { describe, expect, it, test } from '@jest/globals';
import { deliverUntilAcknowledged, interleaveAfterEffect } from '#kit/testing/interleaving';
import { Crash } from '#kit/testing/memory-transport';
import { VendCancelled, VendCompleted, VendUnpaid } from '#contracts/vending';
import {
  type Bed,
  reportResult,
  bedWith,
  pendingVend,
  runVend,
  afterRun,
  replicaOf,
  slotIn,
  vendIn,
} from '../testing/fixtures';
import { FakeServices } from '../testing/fake-services';

// A vend runs, and its machine reports the result, in two processes. After each single effect of one the
// other runs completely, either may die on the way, and a cancelled vend may have been dispensed.

type Action = (bed: Bed) => Promise<unknown>;
type Outcome = 'acknowledged' | 'failed' | 'expired';

const TOKENS = ['tok_ok', 'tok_declined', 'tok_flaky', 'tok_timeout'];
const PAID = ['tok_ok', 'tok_capture_flaky', 'tok_capture_timeout', 'tok_capture_expired'];
const OUTCOMES: Outcome[] = ['acknowledged', 'failed', 'expired'];
const TIMEOUT_MS = 60_000;

/** The machine reports these results, if it got the command. */
const reports =
  (...outcomes: Outcome[]): Action =>
  async (bed) => {
    if (bed.sidecar.dead) bed.restart();
    const { status } = await vendIn(bed);
    if (status === 'pending') return 'SUCCESS';
    for (const [nth, outcome] of outcomes.entries()) {
      await deliverUntilAcknowledged(bed, (on) =>
        reportResult(on, outcome, nth > 0 ? { late: true } : {}),
      );
    }
    return 'SUCCESS';
  };

async function effectsOf(bed: Bed, work: Action): Promise<number> {
  bed.injectFaults({});
  await work(bed);
  return bed.sidecar.effects;
}

/** Runs the scheduled jobs until none is left. */
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
  throw new Error('jobs do not end');
}

/** Finishes the vend and checks that everything agrees with its status. */
async function ending(bed: Bed, services: FakeServices, what: string) {
  await finish(bed);
  const { status } = await vendIn(bed);
  const { sold, paid } = services.outcome();
  const published = {
    completed: bed.published(VendCompleted).length,
    cancelled: bed.published(VendCancelled).length,
    unpaid: bed.published(VendUnpaid).length,
  };
  const { quantity, claimed } = await slotIn(bed);
  const left = { slot: quantity, claimed, stock: services.pieces.get('tea') };
  const secrets = JSON.stringify([...bed.memory.documents, bed.memory.events]).includes('tok_');
  const removed = sold ? 1 : 0;
  expect({ what, status, sold, paid, left, secrets }).toEqual({
    what,
    status,
    sold: status !== 'cancelled',
    paid: status === 'completed',
    left: { slot: 3 - removed, claimed: 0, stock: 10 - removed },
    secrets: false,
  });
  expect({ what, ...published }).toEqual({
    what,
    completed: status === 'completed' ? 1 : 0,
    // a late report of dispensing follows a published cancellation
    cancelled: status === 'cancelled' ? 1 : status === 'unpaid' ? published.cancelled : 0,
    unpaid: status === 'unpaid' ? 1 : 0,
  });
  expect(['completed', 'cancelled', 'unpaid']).toContain(status);
  return status;
}

describe.each(TOKENS)('a vend that two processes run concurrently, paid with %s', (token) => {
  it.each(OUTCOMES)('ends as with one process when its machine reports: %s', async (outcome) => {
    const alone = new FakeServices();
    const undisturbed = await bedWith([pendingVend(token)], alone);
    const effects = await effectsOf(undisturbed, runVend);
    await reports(outcome)(undisturbed);
    const expected = await ending(undisturbed, alone, 'undisturbed');
    for (let n = 1; n <= effects; n++) {
      const services = new FakeServices();
      const bed = await bedWith([pendingVend(token)], services);
      const other = replicaOf(bed, services);
      interleaveAfterEffect(bed, n, () => deliverUntilAcknowledged(other, runVend));
      await deliverUntilAcknowledged(bed, runVend);
      await reports(outcome)(bed);
      const what = `overtaken after effect ${n} of ${effects}`;
      expect(await ending(bed, services, what)).toBe(expected);
    }
  });

  it.each(OUTCOMES)(
    'ends when one process pauses until the machine has reported: %s',
    async (outcome) => {
      const effects = await effectsOf(await bedWith([pendingVend(token)]), runVend);
      for (let n = 1; n <= effects; n++) {
        const services = new FakeServices();
        const bed = await bedWith([pendingVend(token)], services);
        const other = replicaOf(bed, services);
        interleaveAfterEffect(bed, n, async () => {
          await deliverUntilAcknowledged(other, runVend);
          await reports(outcome)(other);
        });
        await deliverUntilAcknowledged(bed, runVend);
        await ending(bed, services, `paused after effect ${n} of ${effects}`);
      }
    },
  );

  it(
    'ends wherever a process dies',
    async () => {
      const effects = await effectsOf(await bedWith([pendingVend(token)]), runVend);
      for (let n = 1; n <= effects; n++) {
        for (let kill = 1; kill <= effects; kill++) {
          const services = new FakeServices();
          const bed = await bedWith([pendingVend(token)], services);
          const other = replicaOf(bed, services);
          other.injectFaults({ crashAfterEffect: kill });
          interleaveAfterEffect(bed, n, () => runVend(other).catch(() => undefined));
          await deliverUntilAcknowledged(bed, runVend);
          await deliverUntilAcknowledged(other, runVend);
          await reports('acknowledged')(other);
          await ending(bed, services, `effect ${n}, the other killed after ${kill}`);
        }
      }
    },
    TIMEOUT_MS,
  );
});

describe.each(PAID)('a machine whose vend is paid with %s', (token) => {
  const results: [Outcome[], Outcome[]][] = [
    [['acknowledged'], ['acknowledged']],
    [['acknowledged'], ['expired']],
    [['expired'], ['acknowledged']],
    [['expired'], ['expired', 'acknowledged']],
    [['expired'], ['failed']],
    [['failed'], ['expired']],
  ];

  it.each(results)(
    'its vend ends when it reports %s and concurrently %s',
    async (first, second) => {
      const { bed: alone } = await afterRun(token);
      const effects = await effectsOf(alone, reports(...first));
      for (let n = 1; n <= effects; n++) {
        const { bed, services } = await afterRun(token);
        const other = replicaOf(bed, services);
        bed.injectFaults({});
        interleaveAfterEffect(bed, n, () => reports(...second)(other));
        await reports(...first)(bed);
        await ending(bed, services, `overtaken after effect ${n} of ${effects}`);
      }
    },
  );

  it.each(results)(
    'its vend ends when it reports %s and concurrently %s to a process that dies',
    async (first, second) => {
      const { bed: alone } = await afterRun(token);
      const effects = await effectsOf(alone, reports(...first));
      for (let n = 1; n <= effects; n++) {
        for (let kill = 1; kill <= 9; kill++) {
          const { bed, services } = await afterRun(token);
          const other = replicaOf(bed, services);
          bed.injectFaults({});
          other.injectFaults({ crashAfterEffect: kill });
          interleaveAfterEffect(bed, n, async () => {
            try {
              for (const outcome of second) await reportResult(other, outcome);
            } catch (error) {
              if (!(error instanceof Crash)) throw error;
            }
          });
          await reports(...first)(bed);
          await reports(...second)(other);
          await ending(bed, services, `effect ${n}, the other killed after ${kill}`);
        }
      }
    },
    TIMEOUT_MS,
  );
});

test('a vend whose retry job runs in one process while its machine reports again to another ends', async () => {
  const { bed: alone } = await afterRun('tok_capture_timeout');
  await reports('acknowledged')(alone);
  const effects = await effectsOf(alone, (bed) => bed.runJob('settle.v1.1'));
  for (let n = 1; n <= effects; n++) {
    const { bed, services } = await afterRun('tok_capture_timeout');
    const other = replicaOf(bed, services);
    await reports('acknowledged')(bed);
    bed.injectFaults({});
    interleaveAfterEffect(bed, n, () => reports('acknowledged', 'expired')(other));
    await bed.runJob('settle.v1.1');
    expect(await ending(bed, services, `overtaken after effect ${n}`)).toBe('completed');
  }
});

test('a vend that was dispensed after its cancellation is booked once, wherever a process dies', async () => {
  for (let kill = 1; kill <= 15; kill++) {
    const { bed, services } = await afterRun();
    await reports('expired')(bed);
    bed.injectFaults({ crashAfterEffect: kill });
    await reportResult(bed, 'acknowledged', { late: true }).catch(() => undefined);
    await deliverUntilAcknowledged(bed, (on) => reportResult(on, 'acknowledged', { late: true }));
    expect(await ending(bed, services, `killed after ${kill}`)).toBe('unpaid');
    expect(await slotIn(bed)).toEqual({ quantity: 2, claimed: 0, fault: undefined });
  }
});
