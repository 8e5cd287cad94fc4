import { describe, expect, test } from '@jest/globals';
import { Code, MicroserviceError } from '#kit/core/errors';
import { FakeClock } from '#kit/testing/fake-clock';
import { SignInThrottle } from './sign-in-throttle';
import { anna, anonymous, withAnna } from './testing';

const from = (address: string, account = 'anna') => ({ account, address });

describe('sign-ins to one account', () => {
  test('are delayed progressively after five wrong passwords, by two seconds at most', () => {
    const throttle = new SignInThrottle(new FakeClock());
    const delays = Array.from({ length: 12 }, () => throttle.begin(from('192.0.2.1')));
    expect(delays).toEqual([0, 0, 0, 0, 0, 100, 200, 400, 800, 1600, 2000, 2000]);
  });

  test('are delayed together, however many addresses guess, and other accounts are not', () => {
    const throttle = new SignInThrottle(new FakeClock());
    for (let n = 0; n < 20; n++) throttle.begin(from(`192.0.2.${String(n)}`));
    expect(throttle.begin(from('198.51.100.1'))).toBe(2000);
    expect(throttle.begin(from('198.51.100.1', 'bert'))).toBe(0);
  });

  test('are not delayed by strangers for an address where the account has signed in', () => {
    const throttle = new SignInThrottle(new FakeClock());
    throttle.begin(from('203.0.113.7'));
    throttle.succeeded(from('203.0.113.7'));
    for (let n = 0; n < 20; n++) throttle.begin(from('192.0.2.1'));
    expect(throttle.begin(from('203.0.113.7'))).toBe(0);
  });

  test('are not delayed any more after half an hour, or after the right password', () => {
    const clock = new FakeClock();
    const throttle = new SignInThrottle(clock);
    for (let n = 0; n < 20; n++) throttle.begin(from('192.0.2.1'));
    clock.advance(30 * 60_000);
    expect(throttle.begin(from('192.0.2.1'))).toBe(0);
    for (let n = 0; n < 20; n++) throttle.begin(from('192.0.2.1'));
    throttle.succeeded(from('192.0.2.9'));
    expect(throttle.begin(from('192.0.2.1'))).toBe(0);
  });
});

describe('after many wrong passwords of strangers', () => {
  async function attacked() {
    const { bed } = await withAnna();
    const login = async (password: string, forwardedFor: string) => {
      const start = bed.clock.now();
      const result = await bed
        .call('login', { ...anna, password }, { caller: anonymous, forwardedFor })
        .then(
          () => 'signed in',
          (error: unknown) => (error instanceof MicroserviceError ? error.code : error),
        );
      return { result, waited: bed.clock.now() - start };
    };
    await login(anna.password, '203.0.113.7');
    for (let n = 0; n < 24; n++) await login('a guess', `192.0.2.${String(n % 4)}`);
    return login;
  }

  test('the owner signs in from a known address without delay', async () => {
    const login = await attacked();
    expect(await login(anna.password, '203.0.113.7')).toEqual({ result: 'signed in', waited: 0 });
  });

  test('the owner signs in from an unknown address after two seconds', async () => {
    const login = await attacked();
    expect(await login(anna.password, '198.51.100.1')).toEqual({
      result: 'signed in',
      waited: 2000,
    });
  });

  test('a stranger waits, as long for the right password as for a wrong one', async () => {
    const login = await attacked();
    const wrong = await login('a guess', '192.0.2.1');
    expect(wrong).toEqual({ result: Code.UNAUTHENTICATED, waited: 2000 });
    expect((await login(anna.password, '192.0.2.1')).waited).toBe(wrong.waited);
  });
});
