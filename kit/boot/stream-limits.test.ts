import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '../testing/fake-clock';
import { StreamLimits, type StreamSlot } from './stream-limits';

const FULL = 'too_many_streams';
const limits = {
  total: 4,
  perAddress: 3,
  unauthenticated: 2,
  unauthenticatedPerAddress: 1,
  failedPerAddress: 2,
};

function setUp() {
  const clock = new FakeClock();
  const streams = new StreamLimits(clock, limits);
  const take = (address: string): StreamSlot => {
    const slot = streams.take(address);
    if (typeof slot === 'string') throw new Error(slot);
    return slot;
  };
  const takeAuthenticated = (address: string): StreamSlot => {
    const slot = take(address);
    slot.authenticate();
    return slot;
  };
  return { clock, streams, take, takeAuthenticated };
}

describe('streams', () => {
  it('are limited by address while they are not authenticated, and in total', () => {
    const { streams, take } = setUp();
    take('a');
    expect(streams.take('a')).toBe(FULL);
    take('b');
    expect(streams.take('c')).toBe(FULL);
  });

  it('are limited by address and in total when they are authenticated', () => {
    const { streams, takeAuthenticated } = setUp();
    for (let turn = 0; turn < 3; turn++) takeAuthenticated('a');
    expect(streams.take('a')).toBe(FULL);
    takeAuthenticated('b');
    expect(streams.take('c')).toBe(FULL);
  });

  it('make room for others when they end, each once', () => {
    const { streams, take, takeAuthenticated } = setUp();
    const [one, other] = [take('a'), take('b')];
    one.release();
    one.release();
    take('c');
    expect(streams.take('d')).toBe(FULL);
    other.authenticate();
    other.authenticate();
    other.release();
    takeAuthenticated('b');
    // authentication after the end does not count
    one.authenticate();
    expect(streams.take('a')).not.toBe(FULL);
    expect(streams.take('d')).toBe(FULL);
  });

  it('are refused after too many failures of their address, until the minute is over', () => {
    const { clock, streams, take } = setUp();
    for (let turn = 0; turn < 2; turn++) {
      const slot = take('a');
      slot.countFailure();
      slot.release();
    }
    expect(streams.take('a')).toBe('too_many_failures');
    take('b').release();
    clock.advance(60_000);
    take('a');
  });
});
