import { expect, test } from '@jest/globals';
import { Networks, clientNetwork, isIn } from './client-address';

test('an address is recognised in a list of addresses and networks', () => {
  const isProxy = isIn(Networks.parse('192.0.2.1, 10.0.0.0/8,2001:db8::/32'));
  const known = ['192.0.2.1', '10.1.2.3', '2001:db8::7'].map(isProxy);
  const unknown = ['192.0.2.2', '11.0.0.1', '2001:db9::7', 'no address', ''].map(isProxy);
  expect([known, unknown]).toEqual([Array(3).fill(true), Array(5).fill(false)]);
});

test('the clients of one IPv6 network are one client', () => {
  expect(clientNetwork('2001:db8:1:2:3::4')).toBe('2001:db8:1:2::/64');
  expect(clientNetwork('::ffff:192.0.2.1')).toBe('192.0.2.1');
});
