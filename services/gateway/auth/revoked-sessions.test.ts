import { afterEach, describe, expect, it } from '@jest/globals';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { unavailable } from '#kit/core/errors';
import { type Edge, newKey, openEdge } from '../testing/edge';

const HOUR = 3_600_000;
const open: Edge[] = [];
afterEach(() => Promise.all(open.splice(0).map((edge) => edge.close())));

/** Replicas of the edge over one user service, which ends the session of a refresh token. */
async function replicas(count: number) {
  const ended: { sessionId: string; until: ReturnType<typeof timestampFromMs> }[] = [];
  const service = { isDown: false, asked: 0 };
  const key = await newKey();
  const edges: Edge[] = [];
  for (let n = 0; n < count; n++) {
    const edge: Edge = await openEdge(
      {
        user: {
          getProfile: () => ({}),
          logout: ({ refreshToken }) => {
            const until = timestampFromMs(edge.clock.now() + HOUR);
            ended.push({ sessionId: refreshToken, until });
            return {};
          },
          getEndedSessions: () => {
            service.asked++;
            if (service.isDown) throw unavailable('user cannot be reached');
            return { sessions: ended, asOf: timestampFromMs(edge.clock.now()) };
          },
        },
      },
      { key },
    );
    edges.push(edge);
  }
  open.push(...edges);
  const [first, second] = edges;
  if (first === undefined) throw new Error('there is no edge');
  const advance = (milliseconds: number) => {
    for (const { clock } of edges) clock.advance(milliseconds);
  };
  return { service, first, second: second ?? first, advance };
}

const profile = async (edge: Edge, token: string) =>
  (await edge.ask('GET', '/api/v1/users/profile', { token })).status;
const logout = (edge: Edge, refreshToken: string) =>
  edge.ask('POST', '/api/v1/auth/logout', { body: { refreshToken } });

describe('a token of a session that has ended', () => {
  it('is refused at once where it ended, and soon at the other replica', async () => {
    const { first, second, advance } = await replicas(2);
    const token = await first.token({ sid: 'session_1' });
    expect(await profile(first, token)).toBe(200);
    expect(await profile(second, token)).toBe(200);
    await logout(first, 'session_1');
    expect(await first.ask('GET', '/api/v1/users/profile', { token })).toMatchObject({
      status: 401,
      body: { error: 'the session has ended' },
    });
    advance(5_000);
    expect(await profile(second, token)).toBe(401);
    // whoever else is signed in stays so, the same user on another device too
    expect(await profile(first, await first.token({ sid: 'session_2' }))).toBe(200);
  });

  it('is refused by a replica that starts later', async () => {
    const { first, second } = await replicas(2);
    await logout(first, 'session_1');
    expect(await profile(second, await first.token({ sid: 'session_1' }))).toBe(401);
  });

  it('is refused while the user service is away, if it was told before', async () => {
    const { first, service, advance } = await replicas(1);
    const [out, other] = [await first.token({ sid: 'session_1' }), await first.token()];
    await logout(first, 'session_1');
    expect(await profile(first, out)).toBe(401);
    service.isDown = true;
    advance(10_000);
    expect(await profile(first, out)).toBe(401);
    expect(await profile(first, other)).toBe(200);
  });
});

describe('the sessions that have ended', () => {
  it('are asked for now and then, however many requests come', async () => {
    const { first, service, advance } = await replicas(1);
    const token = await first.token();
    for (let n = 0; n < 5; n++) await profile(first, token);
    expect(service.asked).toBe(1);
    advance(2_000);
    await Promise.all(Array.from({ length: 5 }, () => profile(first, token)));
    expect(service.asked).toBe(2);
  });

  it('must be known before anybody is taken for signed in', async () => {
    const { first, service } = await replicas(1);
    service.isDown = true;
    expect(await profile(first, await first.token())).toBe(503);
    service.isDown = false;
    expect(await profile(first, await first.token())).toBe(200);
  });
});
