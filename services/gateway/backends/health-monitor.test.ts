import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { Code, MicroserviceError, unavailable } from '#kit/core/errors';
import { HealthMonitor } from './health-monitor';
import { apps } from '../definition';
import { type Calls, type Edge, PLENTY, openEdge } from '../testing/edge';

let edge: Edge;
afterEach(() => edge.close());

const startedAt = timestampFromDate(new Date('2026-01-01T00:00:00Z'));
const well = (service: string) => () => ({
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
const ill = () => ({ ready: false, checks: [{ name: 'sidecar', ok: false, message: 'secret' }] });

async function open(others: Record<string, () => object> = {}) {
  const services = [...apps].map((app) => [app, { getStatus: others[app] ?? well(app) }]);
  // every service answers the same about itself, so the fakes are made by name
  edge = await openEdge(Object.fromEntries(services) as Calls);
}
const ask = (path: string) => edge.ask('GET', `/api/v1${path}`);

describe('health', () => {
  it('is healthy when every service is', async () => {
    await open();
    expect(await ask('/health')).toMatchObject({
      status: 200,
      body: { data: { status: 'healthy' } },
    });
    const { status, body } = await ask('/health/detailed');
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

  it('is degraded when what is down stands in no order', async () => {
    await open({ notification: down });
    expect(await ask('/health')).toMatchObject({
      status: 200,
      body: { data: { status: 'degraded' } },
    });
    expect((await ask('/health/detailed')).body.data).toHaveProperty('services.6', {
      service: 'notification',
      status: 'unhealthy',
      latency: expect.any(Number),
      since: '2026-01-01T00:00:00.000Z',
      instances: [],
    });
  });

  it('is degraded when a service says that it is not ready, and names what is not', async () => {
    await open({ payment: ill });
    expect(await ask('/health')).toMatchObject({
      status: 200,
      body: { data: { status: 'degraded' } },
    });
    const { body } = await ask('/health/detailed');
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
      const short = await ask('/health');
      expect(short.status).toBe(503);
      expect(short.body).toMatchObject({ success: false, error: 'unhealthy', statusCode: 503 });
      expect(short.body.details).toEqual({ status: 'unhealthy', down: [service] });
      const detailed = await ask('/health/detailed');
      expect(detailed).toMatchObject({ status: 503, body: { details: { status: 'unhealthy' } } });
      expect(JSON.stringify(detailed.body)).not.toContain('10.0.0.7');
    },
  );

  it('asks the services once for many questions, and again after a second', async () => {
    await open();
    await Promise.all([ask('/health'), ask('/health/detailed'), ask('/health')]);
    expect(edge.bed.callCount('order', 'getStatus')).toBe(1);
    edge.clock.advance(1_000);
    await ask('/health');
    expect(edge.bed.callCount('order', 'getStatus')).toBe(2);
  });
});

describe('a service that does not answer', () => {
  let isDown = true;
  const open = async () => {
    isDown = true;
    const getStatus = () => (isDown ? down() : well('product')());
    const getProduct = () => ({ productId: 'product_1' });
    edge = await openEdge({ product: { getStatus, getProduct } });
  };
  const probe = async () => {
    edge.clock.advance(1_000);
    await ask('/health');
  };
  const get = (productId = 'product_1') => ask(`/products/${productId}`);

  it('is out after two probes, and in again after one', async () => {
    await open();
    await probe();
    expect(await get()).toMatchObject({ status: 200 });
    await probe();
    expect(await get('product_2')).toMatchObject({
      ...{ status: 503, headers: { 'retry-after': '1' } },
      body: { error: 'a service that this needs is down', details: { service: 'product' } },
    });
    expect(edge.bed.callCount('product', 'getProduct')).toBe(1);
    expect((await ask('/gateway/status')).body.data).toMatchObject({
      breakers: expect.arrayContaining([
        {
          ...{ service: 'product', state: 'open', openedBy: 'probes' },
          since: '2026-01-01T00:00:01.000Z',
        },
      ]),
    });
    isDown = false;
    await probe();
    expect(await get()).toMatchObject({ status: 200 });
  });

  it('is probed when nobody asks, sooner than one that is well', async () => {
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
    // so that the gateways that start together do not ask together for ever
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

describe('a service that the sidecar does not call any more', () => {
  it('is told as such, until a call of it is answered', async () => {
    let isOpen = true;
    const getProduct = () => {
      if (!isOpen) return { productId: 'product_1' };
      throw new MicroserviceError('not called', Code.UNAVAILABLE, { reason: 'circuit_open' });
    };
    edge = await openEdge({ product: { getProduct, getStatus: well('product') } });
    const breaker = async () => {
      const { data } = (await ask('/gateway/status')).body;
      return (data as { breakers: { service: string }[] }).breakers.find(
        ({ service }) => service === 'product',
      );
    };
    expect((await ask('/products/product_1')).status).toBe(503);
    edge.clock.advance(1_000);
    expect((await ask('/products/product_1')).status).toBe(503);
    const open = { service: 'product', state: 'open', openedBy: 'calls' };
    expect(await breaker()).toEqual({ ...open, since: '2026-01-01T00:00:00.000Z' });
    isOpen = false;
    expect((await ask('/products/product_1')).status).toBe(200);
    expect(await breaker()).toMatchObject({ state: 'closed' });
  });
});

describe('the gateway', () => {
  it('tells how it runs', async () => {
    await open();
    expect((await ask('/gateway/status')).body.data).toEqual({
      service: 'gateway',
      version: '1.2.3',
      instance: 'test',
      startedAt: '2026-01-01T00:00:00.000Z',
      uptime: expect.any(Number),
      inFlight: 1,
      eventLoopLag: expect.any(Number),
      limits: { inFlight: 1_000, eventLoopLag: 5_000 },
      shed: 0,
      rateLimits: { tiers: PLENTY, store: 'none' },
      breakers: [...apps].map((service) => ({
        ...{ service, state: 'closed', since: '2026-01-01T00:00:00.000Z' },
      })),
    });
  });

  it('names the services behind it', async () => {
    await open();
    const { data } = (await ask('/gateway/services')).body;
    expect(data).toHaveProperty('services.length', apps.size);
    expect(data).toHaveProperty('services.0', { service: 'user', needed: true });
    expect(data).toHaveProperty('services.6', { service: 'notification', needed: false });
  });

  it('answers with every service down', async () => {
    edge = await openEdge();
    for (const path of ['/gateway/status', '/gateway/services']) {
      expect((await ask(path)).status).toBe(200);
    }
    expect((await ask('/health')).status).toBe(503);
  });
});
