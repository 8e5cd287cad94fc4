import { afterEach, describe, expect, it } from '@jest/globals';
import type { CallContext } from '#kit/core/call-context';
import { type Edge, openEdge } from '../testing/edge';
import { named, rpcRoutes } from '../testing/example-requests';

let edge: Edge;
let contexts: CallContext[] = [];
afterEach(async () => {
  contexts = [];
  await edge.close();
});

const REGISTER = '/api/v1/auth/register';
const ADA = { email: 'ada@example.com', password: 'correct horse', name: 'Ada' };

async function register(raw: string, from = '10.0.0.1', key = 'key-1') {
  const headers = { 'idempotency-key': key, 'x-forwarded-for': from };
  await edge.send('POST', REGISTER, { raw, headers });
  return contexts.at(-1)?.id;
}

describe('an Idempotency-Key of an anonymous client', () => {
  async function open() {
    edge = await openEdge(
      {
        user: {
          register: (_, { callContext }) => {
            contexts.push(callContext);
            return {};
          },
        },
      },
      { config: { TRUSTED_PROXIES: ['127.0.0.1'] } },
    );
  }

  it('is not that of a stranger with another request, who neither gets its response nor blocks it', async () => {
    await open();
    const mine = await register(JSON.stringify(ADA));
    for (const other of [
      { ...ADA, password: 'another horse' },
      { ...ADA, email: 'eve@example.com' },
      { ...ADA, name: 'Eve' },
    ]) {
      expect(await register(JSON.stringify(other))).not.toBe(mine);
    }
    expect(await register(JSON.stringify(ADA))).toBe(mine);
  });

  it('is the same from another network, and for another order of the fields', async () => {
    await open();
    const mine = await register(JSON.stringify(ADA));
    const { email, ...rest } = ADA;
    expect(await register(JSON.stringify({ ...rest, email }), '10.9.9.9')).toBe(mine);
    expect(await register(JSON.stringify(ADA), '10.0.0.1', 'key-2')).not.toBe(mine);
  });

  it.each(
    named(rpcRoutes.filter(({ access, idempotent }) => typeof access === 'string' && idempotent)),
  )('is accepted by %s, whose request contains a secret', async (_, route) => {
    edge = await openEdge();
    expect(route.access).toBe('anonymous');
    expect(route.owner).toBe('credentials');
  });
});
