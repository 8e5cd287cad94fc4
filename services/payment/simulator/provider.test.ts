import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '#kit/testing/fake-clock';
import type { LedgerEntry } from './ledger';
import { SimulatedProvider } from './provider';

const eur = (amount: string) => ({ amount, currency: 'EUR' });
const open = () => {
  const ledger = new Map<string, LedgerEntry>();
  const provider = new SimulatedProvider(ledger);
  const post = (path: string, key: string | undefined, body: unknown = {}) =>
    provider.answer({ method: 'POST', path, body, headers: { 'idempotency-key': key } });
  const capture = (token: string, key = 'pay_1') =>
    post('/captures', key, { amount: eur('10.00'), token });
  const refund = (amount: string, key: string) =>
    post('/captures/pay_1/refunds', key, { amount: eur(amount) });
  const cancel = () => post('/captures/pay_1/void', 'pay_1_void');
  return { ledger, provider, post, capture, refund, cancel };
};
const answered = (body: object) => ({ status: 200, body });

describe('a capture', () => {
  it.each([
    ['tok_ok', { status: 'captured' }],
    ['tok_undeliverable_refund_fails_once', { status: 'captured' }],
    ['tok_declined', { status: 'declined', reason: 'insufficient_funds' }],
    ['tok_unknown', { status: 'declined', reason: 'invalid_token' }],
  ])('with the token %s', (token, body) => {
    expect(open().capture(token)).toEqual(answered(body));
  });

  it('with tok_flaky fails twice, then succeeds', () => {
    const { capture, ledger } = open();
    for (let tries = 0; tries < 2; tries++) {
      expect(capture('tok_flaky')).toMatchObject({ status: 503 });
      expect(ledger.get('pay_1')?.state).toBe('failing');
    }
    expect(capture('tok_flaky')).toEqual(answered({ status: 'captured' }));
  });

  it('with tok_timeout is captured, and gets no response', async () => {
    const { capture, ledger } = open();
    const silence = Symbol('silence');
    expect(await Promise.race([capture('tok_timeout'), Promise.resolve(silence)])).toBe(silence);
    expect(ledger.get('pay_1')).toMatchObject({ state: 'captured', amount: eur('10.00') });
  });

  it('with the same key is the same one, whatever the request contains', () => {
    const { post, capture, ledger } = open();
    void capture('tok_ok');
    const again = post('/captures', 'pay_1', { amount: eur('99.00'), token: 'tok_declined' });
    expect(again).toEqual(answered({ status: 'captured' }));
    expect(ledger.get('pay_1')).toMatchObject({ amount: eur('10.00') });
    void capture('tok_ok', 'pay_2');
    expect(ledger.size).toBe(2);
  });
});

describe('an authorisation', () => {
  const openAuthorised = (token: string) => {
    const { provider, post, ...rest } = open();
    const held = post('/authorizations', 'pay_1', { amount: eur('10.00'), token });
    return { ...rest, held, take: () => post('/authorizations/pay_1/capture', 'pay_1_capture') };
  };

  it.each([
    ['tok_ok', { status: 'authorised' }],
    ['tok_capture_expired', { status: 'authorised' }],
    ['tok_declined', { status: 'declined', reason: 'insufficient_funds' }],
    ['tok_unknown', { status: 'declined', reason: 'invalid_token' }],
  ])('with the token %s', (token, body) => {
    expect(openAuthorised(token).held).toEqual(answered(body));
  });

  it('captures nothing by itself, and is captured once', () => {
    const { take, ledger } = openAuthorised('tok_ok');
    expect(ledger.get('pay_1')).toMatchObject({ state: 'authorised' });
    for (let attempt = 0; attempt < 2; attempt++) {
      expect(take()).toEqual(answered({ status: 'captured' }));
    }
    expect(ledger.get('pay_1')).toMatchObject({ state: 'captured', amount: eur('10.00') });
  });

  it('with tok_capture_flaky fails to be captured twice, then succeeds', () => {
    const { take } = openAuthorised('tok_capture_flaky');
    for (let tries = 0; tries < 2; tries++) expect(take()).toMatchObject({ status: 503 });
    expect(take()).toEqual(answered({ status: 'captured' }));
  });

  it('with tok_capture_timeout is captured, and the third request gets a response', async () => {
    const { take, ledger } = openAuthorised('tok_capture_timeout');
    const silence = Symbol('silence');
    for (let tries = 0; tries < 2; tries++) {
      expect(await Promise.race([take(), Promise.resolve(silence)])).toBe(silence);
      expect(ledger.get('pay_1')).toMatchObject({ state: 'captured' });
    }
    expect(take()).toEqual(answered({ status: 'captured' }));
  });

  it('that has expired is not captured', () => {
    const expired = answered({ status: 'expired', reason: 'authorisation_expired' });
    expect(openAuthorised('tok_capture_expired').take()).toEqual(expired);

    const clock = new FakeClock();
    const provider = new SimulatedProvider(new Map(), clock);
    const post = (path: string, body: unknown = {}) =>
      provider.answer({ method: 'POST', path, body, headers: { 'idempotency-key': 'pay_1' } });
    void post('/authorizations', { amount: eur('10.00'), token: 'tok_ok' });
    clock.advance(7 * 24 * 3_600_000);
    expect(post('/authorizations/pay_1/capture')).toEqual(expired);
  });

  it('that is voided refunds nothing, and is not captured', () => {
    const { take, cancel } = openAuthorised('tok_ok');
    expect(cancel()).toEqual(answered({}));
    expect(take()).toEqual(answered({ status: 'voided' }));
  });

  it('that was captured refunds what is left when it is voided', () => {
    const { take, cancel, refund } = openAuthorised('tok_ok');
    void take();
    void refund('4.00', 'a');
    expect(cancel()).toEqual(answered({ released: eur('6.00') }));
  });

  it('that does not exist is not captured', () => {
    const { post } = open();
    expect(post('/authorizations/pay_1/capture', 'k')).toMatchObject({ status: 404 });
  });
});

describe('a refund', () => {
  it('happens once for a key, and never exceeds what is left', () => {
    const { capture, refund, ledger } = open();
    void capture('tok_ok');
    for (const key of ['a', 'a']) expect(refund('6.00', key)).toEqual(answered({ status: 'done' }));
    expect(refund('6.00', 'b')).toEqual(answered({ status: 'refused' }));
    expect(refund('4.00', 'c')).toEqual(answered({ status: 'done' }));
    expect(ledger.get('pay_1')?.refunds).toHaveLength(2);
  });

  it('of an unknown capture, or in another currency, is refused', () => {
    const { post, capture, refund } = open();
    expect(refund('1.00', 'a')).toEqual(answered({ status: 'refused' }));
    void capture('tok_ok');
    const dollars = { amount: { amount: '1.00', currency: 'USD' } };
    expect(post('/captures/pay_1/refunds', 'b', dollars)).toEqual(answered({ status: 'refused' }));
  });

  it('with tok_undeliverable_refund_fails_once fails once', () => {
    const { capture, refund } = open();
    void capture('tok_undeliverable_refund_fails_once');
    expect(refund('10.00', 'a')).toMatchObject({ status: 503 });
    expect(refund('10.00', 'a')).toEqual(answered({ status: 'done' }));
  });
});

describe('a void', () => {
  it('refunds what is left, and a repetition gets the same response', () => {
    const { capture, refund, cancel } = open();
    void capture('tok_ok');
    void refund('4.00', 'a');
    expect(cancel()).toEqual(answered({ released: eur('6.00') }));
    expect(cancel()).toEqual(answered({ released: eur('6.00') }));
    expect(refund('1.00', 'b')).toEqual(answered({ status: 'refused' }));
  });

  it('blocks a capture that arrives later', () => {
    const { capture, cancel } = open();
    expect(cancel()).toEqual(answered({}));
    expect(capture('tok_ok')).toEqual(answered({ status: 'voided' }));
  });
});

describe('an invalid request', () => {
  it.each([
    ['without a key', '/captures', undefined, { amount: eur('1.00'), token: 'tok_ok' }],
    ['without an amount', '/captures', 'k', { token: 'tok_secret' }],
    ['with an invalid amount', '/captures', 'k', { amount: eur('x'), token: 'tok_secret' }],
    ['without a token', '/captures', 'k', { amount: eur('1.00') }],
    ['for an authorisation without a token', '/authorizations', 'k', { amount: eur('1.00') }],
    ['as a refund without an amount', '/captures/pay_1/refunds', 'k', {}],
    ['that is not JSON', '/captures', 'k', undefined],
  ])('is refused without repeating the token: %s', (_, path, key, body) => {
    const { post, ledger } = open();
    const answer = post(path, key, body);
    expect(answer).toMatchObject({ status: 400, body: { error: expect.any(String) } });
    expect(JSON.stringify(answer)).not.toContain('tok_secret');
    expect(ledger.size).toBe(0);
  });

  it('for an unknown path gets 404', () => {
    const { provider, post } = open();
    expect(post('/nothing', 'k')).toMatchObject({ status: 404 });
    expect(provider.answer({ method: 'GET', path: '/captures' })).toMatchObject({ status: 404 });
  });
});

it('returns its whole ledger', () => {
  const { provider, capture } = open();
  void capture('tok_ok');
  void capture('tok_declined', 'pay_2');
  expect(provider.answer({ method: 'GET', path: '/ledger' })).toMatchObject({
    status: 200,
    body: {
      captures: [
        { key: 'pay_1', state: 'captured', amount: eur('10.00'), refunds: [] },
        { key: 'pay_2', state: 'declined' },
      ],
    },
  });
});
