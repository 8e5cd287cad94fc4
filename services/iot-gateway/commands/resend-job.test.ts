import { expect, it } from '@jest/globals';
import { DeviceCommandSettled } from '#contracts/iot-gateway';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { START, command, nextAttempt, send } from '../testing/commands';
import { FakeServices } from '../testing/fixtures';

const SECOND_MS = 1_000;

it('a command is sent again at growing intervals until it expires, and the expiry is published once', async () => {
  const services = new FakeServices();
  const bed = services.bed();
  await send(bed);
  const times: number[] = [];
  for (let attempt = 2; await nextAttempt(services, bed, attempt); attempt++) {
    times.push((services.clock.now() - START) / SECOND_MS);
  }
  expect(times).toEqual([2, 6, 14, 30, 60, 65]);
  expect(new Set(bed.sentMessages.map(({ data }) => data)).size).toBe(1);
  await expect(command(bed)).resolves.toMatchObject({ status: 'expired', attempts: 6 });
  expect(bed.published(DeviceCommandSettled)).toEqual([
    {
      deviceId: 'd1',
      shopId: 'shop_1',
      commandId: 'c1',
      name: 'dispense',
      outcome: 'expired',
    },
  ]);
});

it('sending a command again is crash safe', async () => {
  await expectCrashSafe(
    async () => {
      const bed = new FakeServices().bed();
      await send(bed);
      bed.restart();
      return bed;
    },
    (bed) => bed.runJob('resend.c1.2'),
  );
});

it('the expiry of a command is crash safe', async () => {
  await expectCrashSafe(
    async () => {
      const services = new FakeServices();
      const bed = services.bed();
      await send(bed);
      services.clock.advance(65 * SECOND_MS);
      return bed;
    },
    (bed) => bed.runJob('resend.c1.2'),
  );
});

it('an attempt that is repeated after the expiry settles the command as expired', async () => {
  const services = new FakeServices();
  const bed = services.bed();
  await send(bed);
  // killed after the attempt is stored
  bed.injectFaults({ crashAfterEffect: 1 });
  await expect(bed.runJob('resend.c1.2')).rejects.toThrow('killed');
  bed.restart();
  services.clock.advance(65 * SECOND_MS);
  await bed.runJob('resend.c1.2');
  await expect(command(bed)).resolves.toMatchObject({ status: 'expired' });
  expect(bed.published(DeviceCommandSettled)).toHaveLength(1);
});
