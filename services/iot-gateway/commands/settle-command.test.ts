import { describe, expect, it, test } from '@jest/globals';
import { DeviceCommandSettled } from '#contracts/iot-gateway';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { START, command, expire, nextAttempt, send } from '../testing/commands';
import { FakeServices, deliver, rejectionsOf } from '../testing/fixtures';

describe('a command', () => {
  test.each([
    [{ outcome: 'acknowledged' }, 'acknowledged', undefined],
    [{ outcome: 'failed', reason: 'slot_jammed' }, 'failed', 'slot_jammed'],
  ])('is settled by the answer of its device: %j', async (answer, outcome, reason) => {
    const services = new FakeServices();
    const bed = services.bed();
    await send(bed);
    await deliver(bed, services.signer().sign('ack', { commandId: 'c1', ...answer }));
    await expect(command(bed)).resolves.toMatchObject({ status: outcome });
    expect(bed.published(DeviceCommandSettled)).toMatchObject([
      { commandId: 'c1', outcome, ...(reason === undefined ? {} : { reason }) },
    ]);
    await nextAttempt(services, bed, 2);
    expect(bed.sentMessages).toHaveLength(1);
  });

  it('is settled once: a second answer is rejected', async () => {
    const services = new FakeServices();
    const bed = services.bed();
    await send(bed);
    const signer = services.signer();
    await deliver(
      bed,
      signer.sign('ack', { commandId: 'c1', outcome: 'failed', reason: 'jammed' }),
    );
    await deliver(bed, signer.sign('ack', { commandId: 'c1', outcome: 'acknowledged' }));
    await expect(command(bed)).resolves.toMatchObject({ status: 'failed', reason: 'jammed' });
    expect(bed.published(DeviceCommandSettled)).toHaveLength(1);
    await expect(rejectionsOf(bed)).resolves.toEqual(['ack command_settled']);
  });

  test.each([[{ outcome: 'acknowledged' }], [{ outcome: 'failed', reason: 'slot_jammed' }]])(
    'publishes an answer that arrives after its expiry, once: %j',
    async (answer) => {
      const services = new FakeServices();
      const bed = services.bed();
      await send(bed);
      await expire(services, bed);
      const signer = services.signer();
      for (let times = 0; times < 2; times++) {
        await deliver(bed, signer.sign('ack', { commandId: 'c1', ...answer }));
      }
      await expect(command(bed)).resolves.toMatchObject({ status: 'expired' });
      expect(bed.published(DeviceCommandSettled)).toMatchObject([
        { outcome: 'expired' },
        { ...answer, late: true },
      ]);
      const other = answer.outcome === 'failed' ? 'acknowledged' : 'failed';
      await deliver(bed, signer.sign('ack', { commandId: 'c1', outcome: other }));
      await expect(rejectionsOf(bed)).resolves.toEqual(['ack command_settled']);
    },
  );

  it('can be answered only by its own device', async () => {
    const services = new FakeServices();
    const bed = services.bed();
    await send(bed);
    const ack = { commandId: 'c1', outcome: 'acknowledged' };
    await deliver(bed, services.signer('d2').sign('ack', ack));
    await deliver(bed, services.signer().sign('ack', { ...ack, commandId: 'c2' }));
    await expect(rejectionsOf(bed, 'd2')).resolves.toEqual(['ack unknown_command']);
    await expect(rejectionsOf(bed)).resolves.toEqual(['ack unknown_command']);
    await expect(command(bed)).resolves.toMatchObject({ status: 'sent' });
  });
});

it('the answer to a command is crash safe', async () => {
  await expectCrashSafe(
    async () => {
      const bed = new FakeServices().bed();
      await send(bed);
      bed.restart();
      return bed;
    },
    (bed) =>
      deliver(
        bed,
        new FakeServices().signer().sign('ack', { commandId: 'c1', outcome: 'acknowledged' }),
      ),
  );
});

it('the answer to an expired command is crash safe', async () => {
  await expectCrashSafe(
    async () => {
      const services = new FakeServices();
      const bed = services.bed();
      await send(bed);
      await expire(services, bed);
      bed.restart();
      return bed;
    },
    (bed) => {
      const services = new FakeServices();
      services.clock.advance(bed.clock.now() - START);
      return deliver(
        bed,
        services.signer().sign('ack', { commandId: 'c1', outcome: 'acknowledged' }),
      );
    },
  );
});
