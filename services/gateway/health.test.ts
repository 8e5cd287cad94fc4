import { afterEach, describe, expect, it } from '@jest/globals';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { unavailable } from '#kit/errors';
import { apps } from './service';
import { type Calls, type Edge, openEdge } from './testing';

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
    expect(body.data).toHaveProperty('services.length', 7);
    expect(body.data).toHaveProperty('services.3', {
      service: 'order',
      status: 'healthy',
      latency: expect.any(Number),
      version: '1.2.3',
      instance: 'order-1',
      startedAt: '2026-01-01T00:00:00.000Z',
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
    expect(edge.bed.called('order', 'getStatus')).toBe(1);
    edge.clock.advance(1_000);
    await ask('/health');
    expect(edge.bed.called('order', 'getStatus')).toBe(2);
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
    });
  });

  it('names the services behind it', async () => {
    await open();
    const services = [...apps].map((service) => ({ service }));
    expect((await ask('/gateway/services')).body.data).toEqual({ services });
  });

  it('answers with every service down', async () => {
    edge = await openEdge();
    for (const path of ['/gateway/status', '/gateway/services']) {
      expect((await ask(path)).status).toBe(200);
    }
    expect((await ask('/health')).status).toBe(503);
  });
});
