import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type DescMethodUnary, create } from '@bufbuild/protobuf';
import { AppCallback } from '@dapr/dapr/proto/dapr/proto/runtime/v1/appcallback_pb';
import { Client, Metadata, credentials } from '@grpc/grpc-js';
import { z } from 'zod';
import { appsOf } from '../harness/apps-of';
import { startSidecars } from '../harness/sidecars';
import type { RunningSystem } from '../harness/running-system';
import { until } from '../harness/until';
import { asService } from '#kit/core/caller';
import { systemClock } from '#kit/core/clock';
import { unaryDefinition } from '#kit/adapters/dapr/grpc-adapter';
import { Code } from '#kit/core/errors';
import { type CallContext, newCallContext } from '#kit/core/call-context';
import { silentLog } from '#kit/core/log';
import { type RunningService, start } from '#kit/boot/run';
import { ServiceTokens } from '#kit/security/service-tokens';
import { Service } from '#kit/service/service';
import { OperationsService } from '#proto/retail/operations/v1/operations_pb';
import { PaymentService } from '#proto/retail/payment/v1/payment_pb';
import { InventoryService } from '#proto/retail/inventory/v1/inventory_pb';
import { type Context, answerer, asker, forget, seen } from './sample';

const TOKEN = 'the-token-of-the-sidecar';

describe('between two services with real sidecars', () => {
  let system: RunningSystem;
  let order: RunningService;
  let inventory: RunningService;

  beforeAll(async () => {
    // a sidecar reads it from its own environment, and sends it to its service
    process.env['APP_API_TOKEN'] = TOKEN;
    const env = { LOG_LEVEL: 'silent', APP_API_TOKEN: TOKEN };
    system = await startSidecars([...appsOf([asker, answerer]), { appId: 'payment' }], { env });
    order = await start(asker, system.app('order').env);
    inventory = await start(answerer, system.app('inventory').env);
    await until('the first answer', () => begin().inventory.getStock({}), 30_000);
  });
  afterAll(async () => {
    delete process.env['APP_API_TOKEN'];
    await Promise.all([order.stop(), inventory.stop()]);
    await system.stop();
  });
  afterEach(forget);

  const begin = (given: Partial<CallContext> = {}): Context => {
    const deadline = systemClock.now() + 20_000;
    // the runtime of this very service
    return order.runtime.openContext(
      newCallContext(systemClock, { caller: asService(), deadline, ...given }),
    ) as unknown as Context;
  };

  it('a call that is unavailable once is retried with the same identity', async () => {
    await expect(begin().inventory.reserve({ orderId: 'flaky_1' })).resolves.toBeDefined();
    const tries = seen.filter(({ id, what }) => id === 'flaky_1' && what === 'reserve');
    expect(tries).toHaveLength(2);
    expect(tries[1]?.causeId).toBe(tries[0]?.causeId);
  });

  it('a call has the deadline and the trace of its caller', async () => {
    const trace = '0af7651916cd43dd8448eb211c80319c';
    const context = begin({
      traceparent: `00-${trace}-b7ad6b7169203331-01`,
      deadline: systemClock.now() + 2_000,
    });
    await context.inventory.reserve({ orderId: 'traced_1' });
    const [entry] = seen.filter(({ id, what }) => id === 'traced_1' && what === 'reserve');
    const { traceparent, left } = entry?.detail as { traceparent: string; left: number };
    expect(traceparent).toContain(trace);
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThanOrEqual(2_000);
  });

  it('a call to a service that does not run is UNAVAILABLE', async () => {
    await expect(begin().delivery.getDelivery({ orderId: 'x' })).rejects.toMatchObject({
      code: Code.UNAVAILABLE,
      details: { reason: 'unreachable' },
    });
  });

  it('every service returns its status', async () => {
    const status = await begin().client('inventory', OperationsService).getStatus({});
    expect(status).toMatchObject({ service: 'inventory', ready: true });
    expect(status.checks).toMatchObject([{ name: 'sidecar', ok: true, message: '' }]);
  });

  it('a sidecar gets the subscriptions of its service, although it sends no token for that', async () => {
    const port = system.app('order').env['DAPR_HTTP_PORT'] ?? '';
    const Subscriptions = z.object({
      subscriptions: z.array(z.object({ topic: z.string() })).min(1),
    });
    await until('the subscriptions', async () => {
      const answer = await fetch(`http://127.0.0.1:${port}/v1.0/metadata`);
      return Subscriptions.safeParse(await answer.json()).success;
    });
  });

  /** Calls as a foreign program; returns the code and the message. */
  const ask = async (
    port: number,
    method: DescMethodUnary,
    headers: Readonly<Record<string, string>>,
  ) => {
    const { path, requestSerialize, responseDeserialize } = unaryDefinition(method);
    const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
    const metadata = new Metadata();
    for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
    const { promise, resolve } = Promise.withResolvers<{ code: number; details: string }>();
    client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      create(method.input),
      metadata,
      (error) => {
        resolve({ code: error?.code ?? Code.OK, details: error?.details ?? '' });
      },
    );
    const answered = await promise;
    client.close();
    return answered;
  };
  /** A token of a service for an audience. */
  const tokenOf = async (service: string, audience: string) => {
    const keys = system.app('order').env['SERVICE_KEYS'] ?? '';
    return (await ServiceTokens.open(service, keys, systemClock, silentLog)).tokenFor(audience);
  };
  const { getStock } = InventoryService.method;

  it('a call that does not come through the sidecar is rejected', async () => {
    const { appPort } = system.app('inventory').plan;
    const token = { 'x-service-token': await tokenOf('order', 'inventory') };
    const turnedAway = {
      code: Code.UNAUTHENTICATED,
      details: 'the API token is missing or wrong',
    };
    expect(await ask(appPort, getStock, token)).toEqual(turnedAway);
    expect(await ask(appPort, getStock, { ...token, 'dapr-api-token': 'another' })).toEqual(
      turnedAway,
    );
    const right = { ...token, 'dapr-api-token': TOKEN };
    expect(await ask(appPort, getStock, right)).toMatchObject({ code: Code.OK });
  });

  it('a call without a service token, or with that of another service, is rejected', async () => {
    const { daprGrpcPort } = system.app('order').plan;
    const call = (headers: Record<string, string>) =>
      ask(daprGrpcPort, getStock, { 'dapr-app-id': 'inventory', ...headers });
    const { UNAUTHENTICATED: code } = Code;
    expect(await call({})).toEqual({
      ...{ code, details: 'a call must present a service token' },
    });
    expect(await call({ 'x-service-token': await tokenOf('order', 'delivery') })).toEqual({
      ...{ code, details: 'the token is for calls to another service' },
    });
    // the sidecar overwrites the app id that a caller claims
    const other = { 'x-service-token': await tokenOf('delivery', 'inventory') };
    expect(await call({ ...other, 'dapr-caller-app-id': 'delivery' })).toEqual({
      ...{ code, details: 'the token belongs to another service than the caller' },
    });
    const own = { 'x-service-token': await tokenOf('order', 'inventory') };
    expect(await call(own)).toMatchObject({ code: Code.OK });
  });

  it('a call that the calling service does not declare is refused', async () => {
    const { daprGrpcPort } = system.app('payment').plan;
    const token = { 'x-service-token': await tokenOf('payment', 'inventory') };
    expect(await ask(daprGrpcPort, getStock, { 'dapr-app-id': 'inventory', ...token })).toEqual({
      code: Code.PERMISSION_DENIED,
      details:
        'payment is not declared as a caller of retail.inventory.v1.InventoryService/GetStock',
    });
  });

  it('a call through the internal port of a sidecar is refused without a service token', async () => {
    const { args } = system.app('inventory').plan.sidecar;
    const port = Number(args[args.indexOf('--dapr-internal-grpc-port') + 1]);
    const claimed = { 'dapr-caller-app-id': 'order', 'x-user-role': 'service' };
    expect(await ask(port, getStock, { 'dapr-app-id': 'inventory', ...claimed })).toEqual({
      code: Code.UNAUTHENTICATED,
      details: 'a call must present a service token',
    });
  });

  it('a service whose sidecar has no access list accepts no call', async () => {
    const { appPort, port } = system.app('payment').plan;
    const trusting = new Service('payment', { serves: PaymentService });
    const env = { ...system.app('payment').env, SERVICE_IDENTITY: 'sidecar' };
    const running = await start(trusting, env);
    try {
      const forged = { 'dapr-api-token': TOKEN, 'dapr-caller-app-id': 'gateway' };
      expect(await ask(appPort, OperationsService.method.getStatus, forged)).toEqual({
        code: Code.UNAVAILABLE,
        details: 'the access list of the sidecar is not known to be on',
      });
      // ready otherwise
      await until('the sidecar', async () => {
        const health = await fetch(`http://127.0.0.1:${port}/health/ready`);
        expect(health.status).toBe(503);
        return (await health.text()).includes('["access list"]');
      });
    } finally {
      await running.stop();
    }
  });

  it('no service can deliver an event to another one as if it were its sidecar', async () => {
    const { daprGrpcPort } = system.app('order').plan;
    const headers = {
      'dapr-app-id': 'inventory',
      'x-service-token': await tokenOf('order', 'inventory'),
    };
    expect(await ask(daprGrpcPort, AppCallback.method.onTopicEvent, headers)).toEqual({
      code: Code.UNAUTHENTICATED,
      details: "only the service's own sidecar may call this method",
    });
  });

  // last: it leaves the circuit breaker open
  it('a service that fails repeatedly is not called for a while', async () => {
    const failures = await Promise.allSettled(
      Array.from({ length: 20 }, (_, index) =>
        begin().inventory.reserve({ orderId: `lost_${String(index)}` }),
      ),
    );
    expect(failures.every(({ status }) => status === 'rejected')).toBe(true);
    await expect(begin().inventory.reserve({ orderId: 'fine_1' })).rejects.toMatchObject({
      code: Code.UNAVAILABLE,
      details: { reason: 'circuit_open' },
    });
  });
});
