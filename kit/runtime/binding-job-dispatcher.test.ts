import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { asService } from '../core/caller';
import { defineEvent } from '../messages/contract';
import { expectCrashSafe } from '../testing/crash-safety';
import { refused, unavailable } from '../core/errors';
import { Service } from '../service/service';
import { testbed } from '../testing/testbed';

const Reading = z.object({ device: z.string(), count: z.number() });

function sensors() {
  const service = new Service('sensors', { stores: { readings: Reading } });
  let failure: Error | undefined;
  service.onBinding(
    'devices',
    async ({ data }, { readings }) => {
      if (failure !== undefined) throw failure;
      const device = Buffer.from(data).toString();
      await readings.update(device, (now) => ({ device, count: (now?.count ?? 0) + 1 }));
      return undefined;
    },
    ({ data }) => Buffer.from(data).toString(),
  );
  service.onJob('sweep', z.object({ device: z.string() }), async ({ device }, { readings }) => {
    if (failure !== undefined) throw failure;
    await readings.update(device, (now) => ({ device, count: (now?.count ?? 0) + 10 }));
  });
  const bed = testbed(service);
  const count = async (device: string) => (await bed.context().readings.get(device))?.count;
  const fail = (error: Error | undefined) => {
    failure = error;
  };
  return { service, bed, count, fail };
}

const message = (text: string) => ({ data: Buffer.from(text), metadata: { topic: 'retail' } });

describe('a message of an input binding', () => {
  it('has its effect once if it is delivered twice', async () => {
    const { bed, count } = sensors();
    await bed.handleBindingMessage('devices', message('d1'));
    await bed.handleBindingMessage('devices', message('d1'));
    await expect(count('d1')).resolves.toBe(1);
  });

  it('is redelivered after a transient failure', async () => {
    const { bed, fail, count } = sensors();
    fail(unavailable('not now'));
    await expect(bed.handleBindingMessage('devices', message('d1'))).rejects.toThrow('not now');
    fail(undefined);
    await bed.handleBindingMessage('devices', message('d1'));
    await expect(count('d1')).resolves.toBe(1);
  });

  it('that is refused becomes a dead letter, and can be replayed', async () => {
    const { bed, fail, count } = sensors();
    fail(refused('unknown_device', 'the device is unknown'));
    await bed.handleBindingMessage('devices', message('d1'));
    const { letters } = await bed.runtime.deadLetters.page(1, 10);
    expect(letters).toMatchObject([{ type: 'binding.devices', reason: 'unknown_device' }]);
    fail(undefined);
    await expect(bed.runtime.replay(letters[0]?.id ?? '')).resolves.toEqual({ succeeded: true });
    await expect(count('d1')).resolves.toBe(1);
    await expect(bed.runtime.deadLetters.page(1, 10)).resolves.toMatchObject({ total: 0 });
  });

  it('is retried a few times if the service is at fault, and without limit while a dependency is unavailable', async () => {
    const { bed, fail } = sensors();
    fail(unavailable('not now'));
    for (let attempt = 0; attempt < 20; attempt++) {
      await expect(bed.handleBindingMessage('devices', message('d1'))).rejects.toThrow('not now');
    }
    fail(new Error('a bug'));
    for (let attempt = 1; attempt < 6; attempt++) {
      await expect(bed.handleBindingMessage('devices', message('d1'))).rejects.toThrow('a bug');
    }
    await bed.handleBindingMessage('devices', message('d1'));
    const { letters } = await bed.runtime.deadLetters.page(1, 10);
    expect(letters).toMatchObject([{ type: 'binding.devices', reason: 'internal' }]);
  });

  it('is counted by its outcome', async () => {
    const service = new Service('sensors', {});
    service.onBinding('devices', async () => 'too_old');
    service.onBinding('others', async () => undefined);
    const bed = testbed(service);
    await bed.handleBindingMessage('devices', message('d1'));
    await bed.handleBindingMessage('others', message('d1'));
    const { values } = await bed.runtime.metrics.bindingMessages.get();
    expect(values.map(({ labels, value }) => ({ ...labels, value }))).toEqual([
      { binding: 'devices', outcome: 'too_old', value: 1 },
      { binding: 'others', outcome: 'handled', value: 1 },
    ]);
  });

  it('can be handled on behalf of several tenants', async () => {
    const Received = defineEvent('Received', {
      type: 'reading.received',
      description: 'A reading was received.',
      data: Reading,
      subject: ({ device }) => device,
    });
    const service = new Service('sensors', {
      stores: { readings: Reading },
      publishes: [Received],
    });
    service.onBinding(
      'devices',
      async (_, context) => {
        for (const tenant of ['one', 'two']) {
          const own = context.forTenant(tenant);
          const { count } = await own.readings.update('d1', (now) => ({
            device: 'd1',
            count: (now?.count ?? 0) + 1,
          }));
          await own.publish(Received, { device: 'd1', count });
        }
        return undefined;
      },
      () => 'm1',
    );
    await expectCrashSafe(
      () => testbed(service),
      async (bed) => {
        await bed.handleBindingMessage('devices', message('d1'));
        await expect(
          bed.context(asService('two')).readings.getOrThrow('d1'),
        ).resolves.toMatchObject({
          count: 1,
        });
        expect(new Set(bed.memory.events.map(({ tenantid }) => tenantid))).toEqual(
          new Set(['one', 'two']),
        );
      },
    );
  });

  it('finds the process memory, which a restart loses', async () => {
    const service = new Service('sensors', {
      processMemory: { received: () => new Set<string>() },
    });
    service.onBinding('devices', async ({ data }, { received }) => {
      const text = Buffer.from(data).toString();
      const outcome = received.has(text) ? 'again' : 'new';
      received.add(text);
      return outcome;
    });
    const bed = testbed(service);
    const outcomes = async () => {
      const { values } = await bed.runtime.metrics.bindingMessages.get();
      return values.map(({ labels, value }) => `${labels.outcome ?? ''} ${value}`);
    };
    await bed.handleBindingMessage('devices', message('d1'));
    await bed.handleBindingMessage('devices', message('d1'));
    await expect(outcomes()).resolves.toEqual(['new 1', 'again 1']);
    bed.restart();
    await bed.handleBindingMessage('devices', message('d1'));
    await expect(outcomes()).resolves.toEqual(['new 1']);
  });

  it('is safe against a crash at any point', async () => {
    const { service } = sensors();
    await expectCrashSafe(
      () => testbed(service),
      (bed) => bed.handleBindingMessage('devices', message('d1')),
    );
  });
});

describe('a job', () => {
  it('that is scheduled once runs once if it is due twice', async () => {
    const { bed, count } = sensors();
    await bed.context().jobs.once('sweep', 'd1', '1s', { device: 'd1' });
    await bed.runJob('sweep.d1');
    await bed.runJob('sweep.d1');
    await expect(count('d1')).resolves.toBe(10);
  });

  it('that recurs is new work each time', async () => {
    const { bed, count } = sensors();
    await bed.context().jobs.every('sweep', '@every 1m', { device: 'd1' });
    await bed.runJob('sweep');
    await bed.runJob('sweep');
    await expect(count('d1')).resolves.toBe(20);
  });

  it('with unreadable data becomes a dead letter', async () => {
    const { bed } = sensors();
    await bed.context().jobs.once('sweep', 'd1', '1s', { nothing: 'here' });
    await bed.runJob('sweep.d1');
    const { letters } = await bed.runtime.deadLetters.page(1, 10);
    expect(letters).toMatchObject([{ type: 'job.sweep', reason: 'unreadable' }]);
    expect(letters[0]?.message).toContain('device');
  });

  it('can be cancelled', async () => {
    const { bed } = sensors();
    const { jobs } = bed.context();
    await jobs.once('sweep', 'd1', '1s', { device: 'd1' });
    await jobs.cancel('sweep', 'd1');
    await expect(bed.runJob('sweep.d1')).rejects.toThrow('no job');
  });
});
