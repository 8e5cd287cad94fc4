import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Code } from '#kit/core/errors';
import { type RunningService, start } from '#kit/boot/run';
import { startSidecars } from '../harness/sidecars';
import { until } from '../harness/until';
import type { RunningSystem } from '../harness/running-system';
import { startEcho } from './echo-server';
import { endpointRequests, asker, forget } from './sample';

// The sidecar behaves as test/kit/components/endpoints.yaml configures it.
let outside: Awaited<ReturnType<typeof startEcho>>;
let system: RunningSystem;
let order: RunningService;

beforeAll(async () => {
  outside = await startEcho();
  const { endpoints } = outside;
  const resources = ['components', 'components/bus/redis', 'components/state/sqlite'];
  system = await startSidecars([{ appId: 'order' }], {
    ...{ resources: [...resources, 'test/kit/components'], endpoints },
    env: { LOG_LEVEL: 'silent' },
  });
  order = await start(asker, system.app('order').env);
});
afterAll(async () => {
  await order.stop();
  await system.stop();
  await outside.stop();
});
afterEach(forget);

const ask = (endpoint: string, path: string) =>
  order.sidecar.request(endpoint, { method: 'POST', path, body: {} }, 10_000);

describe('the policy of an endpoint', () => {
  it('ends each attempt at its timeout and retries, within the deadline of the caller', async () => {
    await expect(ask('echo', '/silent')).rejects.toMatchObject({ code: Code.DEADLINE_EXCEEDED });
    expect(endpointRequests).toHaveLength(1 + 2);
  });

  it('retries if nothing listens', async () => {
    await expect(ask('nowhere', '/')).rejects.toMatchObject({ code: Code.UNAVAILABLE });
    const { sidecar } = system.app('order');
    // logged before the first retry only
    await until('a retry', () =>
      sidecar.read().includes('Error processing operation endpoint[now'),
    );
  });

  it('does not retry if there was an answer', async () => {
    await expect(ask('echo', '/status/503')).resolves.toMatchObject({ status: 503 });
    expect(endpointRequests).toHaveLength(1);
  });

  it('sends nothing while its circuit breaker is open, and again after the breaker has waited', async () => {
    const open = async () => {
      const answer = await ask('echo', '/status/500').catch((error: unknown) => error);
      return answer instanceof Error && answer;
    };
    const error = await until('the circuit breaker to open', open);
    expect(error).toMatchObject({ code: Code.UNAVAILABLE, details: { reason: 'circuit_open' } });
    await until('the circuit breaker to close', () => ask('echo', '/status/200'));
  });
});
