import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { describe, expect, it, test } from '@jest/globals';
import { DeviceCommandSettled } from '#contracts/iot-gateway';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { type Bed, World, admin, give, platform, refusalsOf } from './testing';

const SECOND_MS = 1_000;
const START_MS = Date.parse('2026-01-01T00:00:00.000Z');

const wish = (more = {}) => ({
  ...{ commandId: 'c1', deviceId: 'd1', name: 'dispense', arguments: { slot: 'A3' } },
  expiresAt: timestampFromMs(START_MS + 60_000),
  ...more,
});
const send = (bed: Bed, more = {}) => bed.call('sendCommand', wish(more), { id: 'send' });
const command = (bed: Bed, commandId = 'c1') => bed.call('getCommand', { commandId });

/** Does the attempt that is due next; false where none is. */
async function nextAttempt(world: World, bed: Bed, attempt: number): Promise<boolean> {
  const name = `resend.c1.${attempt}`;
  const job = bed.memory.jobs.get(name);
  if (job === undefined) return false;
  const wait = Date.parse(job.dueTime ?? '') - world.clock.now();
  world.clock.advance(Math.max(0, wait));
  await bed.runJob(name);
  return true;
}

describe('a command', () => {
  it('is sent to the topic of its device, signed by its credential', async () => {
    const world = new World();
    const bed = world.bed();
    await expect(send(bed)).resolves.toMatchObject({ status: 'sent', attempts: 1 });
    const { data, metadata } = bed.sentMessages[0]!;
    expect(metadata).toEqual({ topic: 'retail/default/d1/command' });
    expect(world.signer().verifyCommand(String(data))).toEqual({
      ...{ v: 1, commandId: 'c1', name: 'dispense', arguments: { slot: 'A3' } },
      ...{ expiresAt: '2026-01-01T00:01:00.000Z', at: '2026-01-01T00:00:00.000Z' },
    });
    expect(world.signer('d2').verifyCommand(String(data))).toBeUndefined();
  });

  it('is sent again, ever more seldom, until it expires: that is said once', async () => {
    const world = new World();
    const bed = world.bed();
    await send(bed);
    const times: number[] = [];
    for (let attempt = 2; await nextAttempt(world, bed, attempt); attempt++) {
      times.push((world.clock.now() - START_MS) / SECOND_MS);
    }
    expect(times).toEqual([2, 6, 14, 30, 60, 65]);
    expect(new Set(bed.sentMessages.map(({ data }) => data)).size).toBe(1);
    await expect(command(bed)).resolves.toMatchObject({ status: 'expired', attempts: 6 });
    expect(bed.published(DeviceCommandSettled)).toEqual([
      {
        ...{ deviceId: 'd1', shopId: 'shop_1' },
        commandId: 'c1',
        name: 'dispense',
        outcome: 'expired',
      },
    ]);
  });

  it('is signed by the one and the other credential while the one takes the place of the other', async () => {
    const world = new World();
    const bed = world.bed();
    await send(bed, { deviceId: 'd2' });
    await nextAttempt(world, bed, 2);
    const signers = [world.signer('d2', { credential: 'new key of d2' }), world.signer('d2')];
    for (const signer of signers) {
      expect(
        bed.sentMessages.filter(({ data }) => signer.verifyCommand(String(data)) !== undefined),
      ).toHaveLength(1);
    }
  });

  test.each([
    [{ outcome: 'acknowledged' }, 'acknowledged', undefined],
    [{ outcome: 'failed', reason: 'slot_jammed' }, 'failed', 'slot_jammed'],
  ])('ends with the answer of its device: %j', async (answer, outcome, reason) => {
    const world = new World();
    const bed = world.bed();
    await send(bed);
    await give(bed, world.signer().sign('ack', { commandId: 'c1', ...answer }));
    await expect(command(bed)).resolves.toMatchObject({ status: outcome });
    expect(bed.published(DeviceCommandSettled)).toMatchObject([
      { commandId: 'c1', outcome, ...(reason === undefined ? {} : { reason }) },
    ]);
    await nextAttempt(world, bed, 2);
    expect(bed.sentMessages).toHaveLength(1);
  });

  it('ends once: another answer comes too late', async () => {
    const world = new World();
    const bed = world.bed();
    await send(bed);
    const signer = world.signer();
    await give(bed, signer.sign('ack', { commandId: 'c1', outcome: 'failed', reason: 'jammed' }));
    await give(bed, signer.sign('ack', { commandId: 'c1', outcome: 'acknowledged' }));
    await expect(command(bed)).resolves.toMatchObject({ status: 'failed', reason: 'jammed' });
    expect(bed.published(DeviceCommandSettled)).toHaveLength(1);
    await expect(refusalsOf(bed)).resolves.toEqual(['ack command_settled']);
  });

  test.each([[{ outcome: 'acknowledged' }], [{ outcome: 'failed', reason: 'slot_jammed' }]])(
    'has expired, and is answered all the same: that is said too, once: %j',
    async (told) => {
      const world = new World();
      const bed = world.bed();
      await send(bed);
      for (let attempt = 2; await nextAttempt(world, bed, attempt); attempt++);
      const signer = world.signer();
      for (let times = 0; times < 2; times++) {
        await give(bed, signer.sign('ack', { commandId: 'c1', ...told }));
      }
      await expect(command(bed)).resolves.toMatchObject({ status: 'expired' });
      expect(bed.published(DeviceCommandSettled)).toMatchObject([
        { outcome: 'expired' },
        { ...told, late: true },
      ]);
      const other = told.outcome === 'failed' ? 'acknowledged' : 'failed';
      await give(bed, signer.sign('ack', { commandId: 'c1', outcome: other }));
      await expect(refusalsOf(bed)).resolves.toEqual(['ack command_settled']);
    },
  );

  it('is answered by its own device only', async () => {
    const world = new World();
    const bed = world.bed();
    await send(bed);
    const ack = { commandId: 'c1', outcome: 'acknowledged' };
    await give(bed, world.signer('d2').sign('ack', ack));
    await give(bed, world.signer().sign('ack', { ...ack, commandId: 'c2' }));
    await expect(refusalsOf(bed, 'd2')).resolves.toEqual(['ack unknown_command']);
    await expect(refusalsOf(bed)).resolves.toEqual(['ack unknown_command']);
    await expect(command(bed)).resolves.toMatchObject({ status: 'sent' });
  });

  it('is the same command under the same id, and nothing else is', async () => {
    const bed = new World().bed();
    await send(bed);
    await expect(bed.call('sendCommand', wish())).resolves.toMatchObject({ attempts: 1 });
    await expect(bed.call('sendCommand', wish({ name: 'reboot' }))).rejects.toThrow(/Idempotency/);
    expect(new Set(bed.sentMessages.map(({ data }) => data)).size).toBe(1);
  });

  it('has an id of its own where none is given', async () => {
    const bed = new World().bed();
    const { commandId } = await send(bed, { commandId: '' });
    expect(commandId).toMatch(/^command_/);
  });

  test.each([
    ['nobody knows the device', { deviceId: 'nobody' }, 'device not found'],
    ['the device is retired', { deviceId: 'old' }, 'retired'],
    ['it expires at once', { expiresAt: timestampFromMs(START_MS + 999) }, 'expiresAt'],
    ['it waits for too long', { expiresAt: timestampFromMs(START_MS + 86_400_001) }, 'expiresAt'],
    ['it never expires', { expiresAt: undefined }, 'expiresAt'],
    ['its name is none', { name: 'Do it' }, 'name'],
    ['it is too large', { arguments: { text: 'x'.repeat(32_000) } }, 'arguments'],
  ])('is refused where %s', async (_, more, message) => {
    const bed = new World().bed();
    await expect(send(bed, more)).rejects.toThrow(message);
    expect(bed.memory.documents.size).toBe(0);
    expect(bed.sentMessages).toEqual([]);
  });

  it('is for the sellers of the shop that the device is in', async () => {
    const bed = new World().bed();
    const seller = (userId: string) => ({ userId, role: 'seller', tenantId: 'default' }) as const;
    const ask = (userId: string) => bed.call('sendCommand', wish(), { caller: seller(userId) });
    await expect(ask('otto')).rejects.toThrow('not for you');
    await expect(ask('sally')).resolves.toMatchObject({ status: 'sent' });
    const look = (userId: string) =>
      bed.call('getCommand', { commandId: 'c1' }, { caller: seller(userId) });
    await expect(look('otto')).rejects.toThrow('not for you');
    await expect(look('sally')).resolves.toMatchObject({ status: 'sent' });
    const presence = { deviceId: 'd1' };
    await expect(bed.call('getPresence', presence, { caller: seller('otto') })).rejects.toThrow(
      'not for you',
    );
  });

  it('is not for customers', async () => {
    const bed = new World().bed();
    const caller = { userId: 'ann', role: 'customer', tenantId: 'default' } as const;
    await expect(bed.call('sendCommand', wish(), { caller })).rejects.toThrow('customer');
    await expect(bed.call('getCommand', { commandId: 'c1' }, { caller })).rejects.toThrow(
      'customer',
    );
    await expect(bed.call('sendCommand', wish(), { caller: admin })).resolves.toBeDefined();
  });
});

describe('whatever happens on the way', () => {
  it('a command is sent', async () => {
    await expectCrashSafe(() => new World().bed(), send);
  });

  it('a command is sent again', async () => {
    await expectCrashSafe(
      async () => {
        const bed = new World().bed();
        await send(bed);
        bed.restart();
        return bed;
      },
      (bed) => bed.runJob('resend.c1.2'),
    );
  });

  it('a command expires', async () => {
    await expectCrashSafe(
      async () => {
        const world = new World();
        const bed = world.bed();
        await send(bed);
        world.clock.advance(65 * SECOND_MS);
        return bed;
      },
      (bed) => bed.runJob('resend.c1.2'),
    );
  });

  it('a command is answered', async () => {
    await expectCrashSafe(
      async () => {
        const bed = new World().bed();
        await send(bed);
        bed.restart();
        return bed;
      },
      (bed) =>
        give(bed, new World().signer().sign('ack', { commandId: 'c1', outcome: 'acknowledged' })),
    );
  });

  it('a command that has expired is answered', async () => {
    await expectCrashSafe(
      async () => {
        const world = new World();
        const bed = world.bed();
        await send(bed);
        for (let attempt = 2; await nextAttempt(world, bed, attempt); attempt++);
        bed.restart();
        return bed;
      },
      (bed) => {
        const world = new World();
        world.clock.advance(bed.clock.now() - START_MS);
        return give(bed, world.signer().sign('ack', { commandId: 'c1', outcome: 'acknowledged' }));
      },
    );
  });

  it('an attempt that was begun in time and is done again after the end finds the end', async () => {
    const world = new World();
    const bed = world.bed();
    await send(bed);
    // killed once the attempt is written down
    bed.injectFaults({ crashAfterEffect: 1 });
    await expect(bed.runJob('resend.c1.2')).rejects.toThrow('killed');
    bed.restart();
    world.clock.advance(65 * SECOND_MS);
    await bed.runJob('resend.c1.2');
    await expect(command(bed)).resolves.toMatchObject({ status: 'expired' });
    expect(bed.published(DeviceCommandSettled)).toHaveLength(1);
  });
});

test('a command waits for a device whose broker is away', async () => {
  const world = new World();
  const bed = world.bed();
  bed.sidecar.send = () => Promise.reject(new Error('no broker'));
  await expect(send(bed)).resolves.toMatchObject({ status: 'sent' });
  bed.restart();
  await nextAttempt(world, bed, 2);
  expect(bed.sentMessages).toHaveLength(1);
});

test('of a command that nobody gave there is nothing to tell', async () => {
  const bed = new World().bed();
  await expect(bed.call('getCommand', { commandId: 'c9' }, { caller: platform })).rejects.toThrow(
    'command not found',
  );
});
