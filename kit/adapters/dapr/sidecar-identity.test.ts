import { describe, expect, it } from '@jest/globals';
import { systemClock } from '../../core/clock';
import { Code, MicroserviceError, unavailable } from '../../core/errors';
import { createLog } from '../../core/log';
import { SidecarIdentity } from './sidecar-identity';

const refusedBySidecar = () =>
  new MicroserviceError('denied', Code.UNAVAILABLE, { reason: 'denied_by_sidecar' });
const refusedByService = () =>
  new MicroserviceError('not declared', Code.UNAVAILABLE, { reason: 'undeclared_call' });

/** A sidecar that answers the calls of a service to itself one after another. */
function sidecarThat(...answers: readonly (MicroserviceError | undefined)[]) {
  const left = [...answers];
  const called: string[] = [];
  const stopped = new AbortController();
  const call = ({ appId }: { appId: string }) => {
    called.push(appId);
    const answer = left.shift();
    if (left.length === 0) stopped.abort();
    return answer === undefined
      ? Promise.resolve({ response: {} as never, published: [] })
      : Promise.reject(answer);
  };
  return { call, called, stopped: stopped.signal };
}

async function proveWith(...answers: readonly (MicroserviceError | undefined)[]) {
  const identity = new SidecarIdentity();
  const lines: string[] = [];
  const log = createLog('order', 'info', { write: (line) => lines.push(line) });
  const { call, called, stopped } = sidecarThat(...answers);
  await identity.prove('order', { call } as never, { clock: systemClock, log, stopped });
  return { identity, lines, called };
}

describe('the sidecar of a service', () => {
  it('is believed once it has refused a call of the service to itself', async () => {
    const { identity, called } = await proveWith(refusedBySidecar());
    expect(called).toEqual(['order']);
    await expect(identity.verifyCaller(undefined, 'payment')).resolves.toBe('payment');
  });

  it.each([
    ['it lets in a call without an identity', undefined],
    ['only the service itself refuses that', refusedByService()],
  ])('is not believed if %s, and the log says why', async (_, answer) => {
    const { identity, lines } = await proveWith(answer);
    await expect(identity.verifyCaller(undefined, 'payment')).rejects.toMatchObject({
      code: Code.UNAVAILABLE,
    });
    expect(lines.join()).toContain('the sidecar has no access list: calls are refused');
  });

  it('is not believed while it is not known', async () => {
    const { identity, lines } = await proveWith(unavailable('no sidecar'));
    await expect(identity.verifyCaller(undefined, 'payment')).rejects.toMatchObject({
      code: Code.UNAVAILABLE,
    });
    expect(lines).toEqual([]);
  });

  it('never vouches for a call that comes from no other sidecar', async () => {
    const { identity } = await proveWith(refusedBySidecar());
    await expect(identity.verifyCaller('any token', undefined)).rejects.toMatchObject({
      code: Code.PERMISSION_DENIED,
      details: { reason: 'undeclared_call' },
    });
  });
});
