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
  let says: Error | undefined;
  service.onBinding(
    'devices',
    async ({ data }, { readings }) => {
      if (says !== undefined) throw says;
      const device = Buffer.from(data).toString();
      await readings.update(device, (now) => ({ device, count: (now?.count ?? 0) + 1 }));
      return undefined;
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
    await bed.handleBindingMessage('devices', message('d1'));
    await bed.handleBindingMessage('devices', message('d1'));
    await expect(count('d1')).resolves.toBe(1);
  });

  it('is given again after a transient failure', async () => {
    const { bed, fail, count } = sensors();
    fail(unavailable('not now'));
    await expect(bed.handleBindingMessage('devices', message('d1'))).rejects.toThrow('not now');
    fail(undefined);
    await bed.handleBindingMessage('devices', message('d1'));
    await expect(count('d1')).resolves.toBe(1);
  });

  it('that is refused does not stop the flow, and replays after the fix', async () => {
    const { bed, fail, count } = sensors();
    fail(refused('unknown_device', 'nobody knows this device'));
    await bed.handleBindingMessage('devices', message('d1'));
    const { letters } = await bed.runtime.deadLetters.page(1, 10);
    expect(letters).toMatchObject([{ type: 'binding.devices', reason: 'unknown_device' }]);
    fail(undefined);
    await expect(bed.runtime.replay(letters[0]?.id ?? '')).resolves.toEqual({ succeeded: true });
    await expect(count('d1')).resolves.toBe(1);
    await expect(bed.runtime.deadLetters.page(1, 10)).resolves.toMatchObject({ total: 0 });
  });

  it('is given again a few times where the service has a fault, and for as long as another is away', async () => {
    const { bed, fail } = sensors();
    fail(unavailable('not now'));
    for (let time = 0; time < 20; time++) {
      await expect(bed.handleBindingMessage('devices', message('d1'))).rejects.toThrow('not now');
    }
    fail(new Error('a fault'));
    for (let time = 1; time < 6; time++) {
      await expect(bed.handleBindingMessage('devices', message('d1'))).rejects.toThrow('a fault');
    }
    await bed.handleBindingMessage('devices', message('d1'));
    const { letters } = await bed.runtime.deadLetters.page(1, 10);
    expect(letters).toMatchObject([{ type: 'binding.devices', reason: 'internal' }]);
  });

  it('is counted by what became of it', async () => {
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

  it('is handled on behalf of the tenant that it names', async () => {
    const Heard = defineEvent('Heard', {
      ...{ type: 'reading.heard', description: 'It was heard.', data: Reading },
      subject: ({ device }) => device,
    });
    const service = new Service('sensors', {
      ...{ stores: { readings: Reading }, publishes: [Heard] },
    });
    service.onBinding(
      'devices',
      async (_, context) => {
        for (const tenant of ['one', 'two']) {
          const own = context.forTenant(tenant);
          const { count } = await own.readings.update('d1', (now) => ({
            ...{ device: 'd1', count: (now?.count ?? 0) + 1 },
          }));
          await own.publish(Heard, { device: 'd1', count });
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

  it('finds what its process remembers, which a process that starts anew does not', async () => {
    const service = new Service('sensors', { processMemory: { heard: () => new Set<string>() } });
    service.onBinding('devices', async ({ data }, { heard }) => {
      const text = Buffer.from(data).toString();
      const outcome = heard.has(text) ? 'again' : 'new';
      heard.add(text);
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
  it('is done once, though it is due twice', async () => {
    const { bed, count } = sensors();
    await bed.context().jobs.once('sweep', 'd1', '1s', { device: 'd1' });
    await bed.runJob('sweep.d1');
    await bed.runJob('sweep.d1');
    await expect(count('d1')).resolves.toBe(10);
  });

  it('that comes again and again is new work each time', async () => {
    const { bed, count } = sensors();
    await bed.context().jobs.every('sweep', '@every 1m', { device: 'd1' });
    await bed.runJob('sweep');
    await bed.runJob('sweep');
    await expect(count('d1')).resolves.toBe(20);
  });

  it('with data that cannot be read becomes a dead letter', async () => {
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
