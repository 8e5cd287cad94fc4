import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { ADMIN, ORDER_FLOW } from '../harness/system';
import { until } from '../harness/until';
import { Account, Edge, LoggedIn, Notifications, Product, Stock, listOf } from './edge';
import { PRICE, type Shopper, SystemFixture } from './fixtures';

// A person registers, becomes a seller, runs a shop, and loses the right, on the running system.

const Shop = z.looseObject({ shopId: z.string(), sellerIds: z.array(z.string()) });
const Unread = z.strictObject({ unread: z.int() });
const PASSWORD = 'a-password-of-a-test';
/** What the documentation promises of each change. */
const EFFECT_MS = 5_000;

let fixture: SystemFixture;
let sally: Shopper;

beforeAll(async () => {
  fixture = await SystemFixture.open({ apps: [...ORDER_FLOW, 'shop'] });
  sally = await fixture.shopper({ name: 'Sally Seller' });
}, 180_000);

afterAll(() => fixture.close());

const path = (action: string) => `/admin/users/${sally.userId}/${action}`;
const signIn = async () => {
  const body = { email: sally.email, password: PASSWORD };
  const { token, user } = await fixture.anonymous.ask(LoggedIn, 200, 'POST', '/auth/login', {
    body,
  });
  return { edge: new Edge(fixture.url, token), role: user.role };
};
const changeRole = (role: string) =>
  fixture.admin.ask(Account, 200, 'POST', path('role'), { body: { role } });
const isSignedOut = (edge: Edge) =>
  until(
    'the end of the session',
    async () => (await edge.send('GET', '/users/profile')).status === 401,
    EFFECT_MS,
  );

test('an admin finds a person who has just registered, by the name and by the address', async () => {
  for (const search of ['sally', 'SELLER', sally.email]) {
    const found = await until(`an account by ${search}`, async () => {
      const query = new URLSearchParams({ search }).toString();
      const { items } = await fixture.admin.get(listOf(Account), `/admin/users?${query}`);
      return items.find(({ userId }) => userId === sally.userId);
    });
    expect(found).toMatchObject({ email: sally.email, role: 'customer', blocked: false });
  }
});

describe('a person who becomes a seller', () => {
  let seller: Edge;
  let productId: string;
  let shopId: string;

  test('is signed out, and has the role from the next sign-in on', async () => {
    await changeRole('seller');
    await isSignedOut(sally);
    const again = await signIn();
    expect(again.role).toBe('seller');
    seller = again.edge;
    const body = { name: 'Pen', description: 'Blue.', category: 'office', price: PRICE };
    ({ productId } = await seller.ask(Product, 201, 'POST', '/products', { body }));
  });

  test('sells in the shops to which an admin assigns the seller', async () => {
    const body = { name: 'Corner', channels: ['store'], timeZone: 'Europe/Berlin' };
    ({ shopId } = await fixture.admin.ask(Shop, 201, 'POST', '/shops', { body }));
    const adjustments = `/inventory/${shopId}/${productId}/adjustments`;
    const change = { body: { change: 5, reason: 'opening' } };
    await seller.refused(403, 'POST', adjustments, change);
    const sellerIds = [sally.userId];
    await fixture.admin.ask(Shop, 200, 'PATCH', `/shops/${shopId}`, { body: { sellerIds } });
    await seller.ask(Stock, 200, 'POST', adjustments, change);
  });

  test('is notified, and marks notifications as read', async () => {
    const list = () => seller.get(Notifications, '/notifications');
    const subject = 'Your account is now a seller account';
    const { items } = await until('the notification', async () => {
      const inbox = await list();
      return inbox.items.some((each) => each.subject === subject) && inbox;
    });
    const { unread } = await seller.get(Unread, '/notifications/unread');
    const [{ notificationId } = { notificationId: '' }] = items;
    const one = await seller.ask(Unread, 200, 'POST', `/notifications/${notificationId}/read`);
    expect(one.unread).toBeLessThan(unread);
    expect((await list()).items.find((each) => each.notificationId === notificationId)?.read).toBe(
      true,
    );
    expect(await seller.ask(Unread, 200, 'POST', '/notifications/read')).toEqual({ unread: 0 });
    expect((await list()).items.every(({ read }) => read)).toBe(true);
  });

  test('cannot sell any more after losing the role', async () => {
    await changeRole('customer');
    await isSignedOut(seller);
    const { edge, role } = await signIn();
    expect(role).toBe('customer');
    await edge.refused(403, 'PATCH', `/products/${productId}`, { body: { name: 'Mine' } });
  });
});

test('a user who is blocked is signed out and cannot sign in until unblocked', async () => {
  const { edge } = await signIn();
  await fixture.admin.ask(z.unknown(), 200, 'POST', path('block'));
  await isSignedOut(edge);
  const body = { email: sally.email, password: PASSWORD };
  const { details } = await fixture.anonymous.refused(403, 'POST', '/auth/login', { body });
  expect(details.reason).toBe('account_blocked');
  await fixture.admin.ask(z.unknown(), 200, 'POST', path('unblock'));
  await signIn();
});

test('the sessions of a user are ended by an admin', async () => {
  const { edge } = await signIn();
  await fixture.admin.ask(z.unknown(), 200, 'DELETE', path('sessions'));
  await isSignedOut(edge);
});

test('the last admin cannot give up the role', async () => {
  const { user } = await fixture.anonymous.ask(LoggedIn, 200, 'POST', '/auth/login', {
    body: ADMIN,
  });
  const role = { body: { role: 'customer' } };
  const { details } = await fixture.admin.refused(
    422,
    'POST',
    `/admin/users/${user.userId}/role`,
    role,
  );
  expect(details.reason).toBe('last_admin');
});
