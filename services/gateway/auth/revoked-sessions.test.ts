import { afterEach, describe, expect, it } from '@jest/globals';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { unavailable } from '#kit/core/errors';
import { type Edge, openEdge } from '../testing/edge';
import { newKey } from '../testing/signing-keys';

const HOUR = 3_600_000;
const open: Edge[] = [];
afterEach(() => Promise.all(open.splice(0).map((edge) => edge.close())));

/** Replicas of the edge over one user service; the refresh token of its logout names the session. */
async function replicas(count: number) {
  const ended: { sessionId: string; until: ReturnType<typeof timestampFromMs> }[] = [];
  const service = { isDown: false, calls: 0 };
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
            service.calls++;
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
  if (first === undefined) throw new Error('there must be a replica');
  const advance = (milliseconds: number) => {
    for (const { clock } of edges) clock.advance(milliseconds);
  };
  return { service, first, second: second ?? first, advance };
}

const profile = async (edge: Edge, token: string) =>
  (await edge.send('GET', '/api/v1/users/profile', { token })).status;
const logout = (edge: Edge, refreshToken: string) =>
  edge.send('POST', '/api/v1/auth/logout', { body: { refreshToken } });

describe('a token of a session that has ended', () => {
  it('is refused immediately by the replica that ended it, and within 5 s by others', async () => {
    const { first, second, advance } = await replicas(2);
    const token = await first.token({ sid: 'session_1' });
    expect(await profile(first, token)).toBe(200);
    expect(await profile(second, token)).toBe(200);
    await logout(first, 'session_1');
    expect(await first.send('GET', '/api/v1/users/profile', { token })).toMatchObject({
      status: 401,
      body: { error: 'the session has ended' },
    });
    advance(5_000);
    expect(await profile(second, token)).toBe(401);
    // other sessions of the same user stay valid
    expect(await profile(first, await first.token({ sid: 'session_2' }))).toBe(200);
  });

  it('is refused by a replica that starts later', async () => {
    const { first, second } = await replicas(2);
    await logout(first, 'session_1');
    expect(await profile(second, await first.token({ sid: 'session_1' }))).toBe(401);
  });

  it('is refused while the user service is down if the list has it', async () => {
    const { first, service, advance } = await replicas(1);
    const [ended, other] = [await first.token({ sid: 'session_1' }), await first.token()];
    await logout(first, 'session_1');
    expect(await profile(first, ended)).toBe(401);
    service.isDown = true;
    advance(10_000);
    expect(await profile(first, ended)).toBe(401);
    expect(await profile(first, other)).toBe(200);
  });
});

describe('the list of revoked sessions', () => {
  it('is refreshed periodically, however many requests arrive', async () => {
    const { first, service, advance } = await replicas(1);
    const token = await first.token();
    for (let n = 0; n < 5; n++) await profile(first, token);
    expect(service.calls).toBe(1);
    advance(2_000);
    await Promise.all(Array.from({ length: 5 }, () => profile(first, token)));
    expect(service.calls).toBe(2);
  });

  it('is needed before any token is accepted', async () => {
    const { first, service } = await replicas(1);
    service.isDown = true;
    expect(await profile(first, await first.token())).toBe(503);
    service.isDown = false;
    expect(await profile(first, await first.token())).toBe(200);
  });
});
