import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { Code, MicroserviceError, unavailable } from '#kit/core/errors';
import { HealthMonitor } from './health-monitor';
import { apps } from '../definition';
import { type Calls, type Edge, openEdge } from '../testing/edge';
import { UNLIMITED } from '../testing/edge-config';

let edge: Edge;
afterEach(() => edge.close());

const startedAt = timestampFromDate(new Date('2026-01-01T00:00:00Z'));
const healthy = (service: string) => () => ({
  service,
  version: '1.2.3',
  instance: `${service}-1`,
  startedAt,
  ready: true,
  checks: [{ name: 'sidecar', ok: true, message: '' }],
});
const down = () => {
  throw unavailable('connection refused to 10.0.0.7');
};
const notReady = () => ({
  ready: false,
  checks: [{ name: 'sidecar', ok: false, message: 'secret' }],
});

async function open(others: Record<string, () => object> = {}) {
  const services = [...apps].map((app) => [app, { getStatus: others[app] ?? healthy(app) }]);
  // every service has the same method, so the fakes are built by name
  edge = await openEdge(Object.fromEntries(services) as Calls);
}
const send = (path: string) => edge.send('GET', `/api/v1${path}`);

describe('health', () => {
  it('is healthy if every service is', async () => {
    await open();
    expect(await send('/health')).toMatchObject({
      status: 200,
      body: { data: { status: 'healthy' } },
    });
    const { status, body } = await send('/health/detailed');
    expect(status).toBe(200);
    expect(body.data).toMatchObject({ status: 'healthy' });
    expect(body.data).toHaveProperty('services.length', apps.size);
    expect(body.data).toHaveProperty('services.3', {
      service: 'order',
      status: 'healthy',
      latency: expect.any(Number),
      since: '2026-01-01T00:00:00.000Z',
      version: '1.2.3',
      instances: [{ instance: 'order-1', version: '1.2.3', startedAt: '2026-01-01T00:00:00.000Z' }],
    });
  });

  it('is degraded if a service is down that orders do not require', async () => {
    await open({ notification: down });
    expect(await send('/health')).toMatchObject({
      status: 200,
      body: { data: { status: 'degraded' } },
    });
    expect((await send('/health/detailed')).body.data).toHaveProperty('services.6', {
      service: 'notification',
      status: 'unhealthy',
      latency: expect.any(Number),
      since: '2026-01-01T00:00:00.000Z',
      instances: [],
    });
  });

  it('is degraded if a service is not ready, with the names of its failed checks', async () => {
    await open({ payment: notReady });
    expect(await send('/health')).toMatchObject({
      status: 200,
      body: { data: { status: 'degraded' } },
    });
    const { body } = await send('/health/detailed');
    expect(body.data).toMatchObject({
      services: expect.arrayContaining([
        expect.objectContaining({ service: 'payment', status: 'degraded', faults: ['sidecar'] }),
      ]),
    });
    expect(JSON.stringify(body)).not.toContain('secret');
  });

  it.each(['user', 'product', 'inventory', 'order', 'payment', 'delivery'])(
    'is unhealthy without %s',
    async (service) => {
      await open({ [service]: down });
      const short = await send('/health');
      expect(short.status).toBe(503);
      expect(short.body).toMatchObject({ success: false, error: 'unhealthy', statusCode: 503 });
      expect(short.body.details).toEqual({ status: 'unhealthy', down: [service] });
      const detailed = await send('/health/detailed');
      expect(detailed).toMatchObject({ status: 503, body: { details: { status: 'unhealthy' } } });
      expect(JSON.stringify(detailed.body)).not.toContain('10.0.0.7');
    },
  );

  it('probes the services once for concurrent requests, and again after a second', async () => {
    await open();
    await Promise.all([send('/health'), send('/health/detailed'), send('/health')]);
    expect(edge.bed.callCount('order', 'getStatus')).toBe(1);
    edge.clock.advance(1_000);
    await send('/health');
    expect(edge.bed.callCount('order', 'getStatus')).toBe(2);
  });
});

describe('a service that fails its probes', () => {
  let isDown = true;
  const open = async () => {
    isDown = true;
    const getStatus = () => (isDown ? down() : healthy('product')());
    const getProduct = () => ({ productId: 'product_1' });
    edge = await openEdge({ product: { getStatus, getProduct } });
  };
  const probe = async () => {
    edge.clock.advance(1_000);
    await send('/health');
  };
  const get = (productId = 'product_1') => send(`/products/${productId}`);

  it('is down after two failed probes, and up after one that succeeds', async () => {
    await open();
    await probe();
    expect(await get()).toMatchObject({ status: 200 });
    await probe();
    expect(await get('product_2')).toMatchObject({
      status: 503,
      headers: { 'retry-after': '1' },
      body: { error: 'a required service is down', details: { service: 'product' } },
    });
    expect(edge.bed.callCount('product', 'getProduct')).toBe(1);
    expect((await send('/gateway/status')).body.data).toMatchObject({
      breakers: expect.arrayContaining([
        {
          service: 'product',
          state: 'open',
          openedBy: 'probes',
          since: '2026-01-01T00:00:01.000Z',
        },
      ]),
    });
    isDown = false;
    await probe();
    expect(await get()).toMatchObject({ status: 200 });
  });

  it('is probed periodically, sooner than a healthy service', async () => {
    await open();
    const waits: number[] = [];
    const due: (() => void)[] = [];
    jest.spyOn(globalThis, 'setTimeout').mockImplementation(((again: () => void, ms: number) => {
      waits.push(ms);
      due.push(again);
      return { unref: () => undefined };
    }) as never);
    const health = new HealthMonitor(edge.bed.runtime);
    health.start();
    const begun = waits.splice(0);
    expect(begun).toHaveLength(apps.size);
    // jitter: gateways that start together do not probe together for ever
    expect(new Set(begun).size).toBe(apps.size);
    for (const wait of begun) expect(Math.abs(wait - 30_000)).toBeLessThanOrEqual(3_000);

    const product = [...apps].indexOf('product');
    let [probe] = due.splice(0).slice(product);
    for (const next of [1_000, 30_000]) {
      probe?.();
      while (due.length === 0) await new Promise(setImmediate);
      [probe] = due.splice(0);
      expect(Math.abs(waits.pop()! - next)).toBeLessThanOrEqual(next / 10);
      isDown = false;
    }
  });
});

describe('a service whose breaker in the sidecar is open', () => {
  it('is reported as such until a call succeeds', async () => {
    let isOpen = true;
    const getProduct = () => {
      if (!isOpen) return { productId: 'product_1' };
      throw new MicroserviceError('not called', Code.UNAVAILABLE, { reason: 'circuit_open' });
    };
    edge = await openEdge({ product: { getProduct, getStatus: healthy('product') } });
    const breaker = async () => {
      const { data } = (await send('/gateway/status')).body;
      return (data as { breakers: { service: string }[] }).breakers.find(
        ({ service }) => service === 'product',
      );
    };
    expect((await send('/products/product_1')).status).toBe(503);
    edge.clock.advance(1_000);
    expect((await send('/products/product_1')).status).toBe(503);
    const open = { service: 'product', state: 'open', openedBy: 'calls' };
    expect(await breaker()).toEqual({ ...open, since: '2026-01-01T00:00:00.000Z' });
    isOpen = false;
    expect((await send('/products/product_1')).status).toBe(200);
    expect(await breaker()).toMatchObject({ state: 'closed' });
  });
});

describe('the gateway', () => {
  it('reports its state', async () => {
    await open();
    expect((await send('/gateway/status')).body.data).toEqual({
      service: 'gateway',
      version: '1.2.3',
      instance: 'test',
      startedAt: '2026-01-01T00:00:00.000Z',
      uptime: expect.any(Number),
      inFlight: 1,
      receiving: 0,
      streams: 0,
      eventLoopLag: expect.any(Number),
      limits: { inFlight: 1_000, eventLoopLag: 5_000 },
      shed: 0,
      rateLimits: { tiers: UNLIMITED, store: 'none' },
      breakers: [...apps].map((service) => ({
        service,
        state: 'closed',
        since: '2026-01-01T00:00:00.000Z',
      })),
    });
  });

  it('lists the services behind it', async () => {
    await open();
    const { data } = (await send('/gateway/services')).body;
    expect(data).toHaveProperty('services.length', apps.size);
    expect(data).toHaveProperty('services.0', { service: 'user', needed: true });
    expect(data).toHaveProperty('services.6', { service: 'notification', needed: false });
  });

  it('reports its state with every service down', async () => {
    edge = await openEdge();
    for (const path of ['/gateway/status', '/gateway/services']) {
      expect((await send(path)).status).toBe(200);
    }
    expect((await send('/health')).status).toBe(503);
  });
});
