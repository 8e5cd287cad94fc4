import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { expectCrashSafe } from './crash-safety';
import { refused, unavailable } from './errors';
import { Service } from './service';
import { testbed } from './testbed';

const Reading = z.object({ device: z.string(), count: z.number() });

function sensors() {
  const service = new Service('sensors', { stores: { readings: Reading } });
  let says: Error | undefined;
  service.onBinding(
    'devices',
    async ({ data }, { readings }) => {
      if (says !== undefined) throw says;
      const device = Buffer.from(data).toString();
      await readings.update(device, (now) => ({ device, count: (now?.count ?? 0) + 1 }));
    },
    ({ data }) => Buffer.from(data).toString(),
  );
  service.onJob('sweep', z.object({ device: z.string() }), async ({ device }, { readings }) => {
    if (says !== undefined) throw says;
    await readings.update(device, (now) => ({ device, count: (now?.count ?? 0) + 10 }));
  });
  const bed = testbed(service);
  const count = async (device: string) => (await bed.context().readings.get(device))?.count;
  const fail = (error: Error | undefined) => {
    says = error;
  };
  return { service, bed, count, fail };
}

const message = (text: string) => ({ data: Buffer.from(text), metadata: { topic: 'retail' } });

describe('a message of an input binding', () => {
  it('has its effect once, though it is delivered twice', async () => {
    const { bed, count } = sensors();
    await bed.receive('devices', message('d1'));
    await bed.receive('devices', message('d1'));
    await expect(count('d1')).resolves.toBe(1);
  });

  it('is given again after a transient failure', async () => {
    const { bed, fail, count } = sensors();
    fail(unavailable('not now'));
    await expect(bed.receive('devices', message('d1'))).rejects.toThrow('not now');
    fail(undefined);
    await bed.receive('devices', message('d1'));
    await expect(count('d1')).resolves.toBe(1);
  });

  it('that is refused does not stop the flow, and replays after the fix', async () => {
    const { bed, fail, count } = sensors();
    fail(refused('unknown_device', 'nobody knows this device'));
    await bed.receive('devices', message('d1'));
    const { letters } = await bed.host.deadLetters.page(1, 10);
    expect(letters).toMatchObject([{ type: 'binding.devices', reason: 'unknown_device' }]);
    fail(undefined);
    await expect(bed.host.replay(letters[0]?.id ?? '')).resolves.toEqual({ succeeded: true });
    await expect(count('d1')).resolves.toBe(1);
    await expect(bed.host.deadLetters.page(1, 10)).resolves.toMatchObject({ total: 0 });
  });

  it('is safe against a crash at any point', async () => {
    const { service } = sensors();
    await expectCrashSafe(
      () => testbed(service),
      (bed) => bed.receive('devices', message('d1')),
    );
  });
});

describe('a job', () => {
  it('is done once, though it is due twice', async () => {
    const { bed, count } = sensors();
    await bed.context().jobs.once('sweep', 'd1', '1s', { device: 'd1' });
    await bed.perform('sweep.d1');
    await bed.perform('sweep.d1');
    await expect(count('d1')).resolves.toBe(10);
  });

  it('that comes again and again is new work each time', async () => {
    const { bed, count } = sensors();
    await bed.context().jobs.every('sweep', '@every 1m', { device: 'd1' });
    await bed.perform('sweep');
    await bed.perform('sweep');
    await expect(count('d1')).resolves.toBe(20);
  });

  it('with data that cannot be read becomes a dead letter', async () => {
    const { bed } = sensors();
    await bed.context().jobs.once('sweep', 'd1', '1s', { nothing: 'here' });
    await bed.perform('sweep.d1');
    const { letters } = await bed.host.deadLetters.page(1, 10);
    expect(letters).toMatchObject([{ type: 'job.sweep', reason: 'unreadable' }]);
    expect(letters[0]?.message).toContain('device');
  });

  it('can be cancelled', async () => {
    const { bed } = sensors();
    const { jobs } = bed.context();
    await jobs.once('sweep', 'd1', '1s', { device: 'd1' });
    await jobs.cancel('sweep', 'd1');
    await expect(bed.perform('sweep.d1')).rejects.toThrow('no job');
  });
});
