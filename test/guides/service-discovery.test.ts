import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { z } from 'zod';
import { asService } from '#kit/core/caller';
import { Code, unavailable } from '#kit/core/errors';
import { methods } from '#kit/service/definition';
import { Service } from '#kit/service/service';
import { testbed } from '#kit/testing/testbed';
import { OperationsService } from '#proto/retail/operations/v1/operations_pb';
import { OrderService } from '#proto/retail/order/v1/order_pb';
import { order } from '../../services/order/service';

// The example of docs/guides/service-discovery.md.

const monitor = new Service('monitor', {
  calls: { order: methods(OrderService, 'getOrder') },
  operations: ['getStatus'],
});

test('a service is called by its app id, and answers for itself', async () => {
  const bed = testbed(monitor, {
    calls: { order: { getStatus: () => ({ service: 'order', instance: 'order-1', ready: true }) } },
  });
  const { client } = bed.context(asService());
  const status = await client('order', OperationsService).getStatus({});
  expect(status).toMatchObject({ instance: 'order-1', ready: true });
});

test('a service that cannot be found is UNAVAILABLE', async () => {
  const down = () => {
    throw unavailable('order cannot be reached');
  };
  const bed = testbed(monitor, { calls: { order: { getStatus: down } } });
  const { client } = bed.context(asService());
  const asking = client('order', OperationsService).getStatus({});
  await expect(asking).rejects.toMatchObject({ code: Code.UNAVAILABLE });
});

const RunFile = z.object({ apps: z.array(z.object({ appID: z.string() })) });
const Resiliency = z.object({
  spec: z.object({ targets: z.object({ apps: z.record(z.string(), z.unknown()) }) }),
});

test('each service that order calls is registered under its app id and has a call policy', () => {
  const { apps } = RunFile.parse(parse(readFileSync('dapr.yaml', 'utf8')));
  const { spec } = Resiliency.parse(parse(readFileSync('components/resiliency.yaml', 'utf8')));
  const called = Object.keys(order.definition.calls);
  expect(apps.map(({ appID }) => appID)).toEqual(expect.arrayContaining(called));
  expect(Object.keys(spec.targets.apps)).toEqual(expect.arrayContaining(called));
});
