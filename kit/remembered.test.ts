import { expect, it } from '@jest/globals';
import { Remembered } from './remembered';

it('knows a value until its time, and no longer', () => {
  const remembered = new Remembered<string>(2);
  expect(remembered.get('a', 0)).toBeUndefined();
  remembered.set('a', 'first', 10);
  expect(remembered.get('a', 9)).toBe('first');
  expect(remembered.get('a', 10)).toBeUndefined();
  remembered.set('a', 'second', 20);
  expect(remembered.get('a', 10)).toBe('second');
});

it('forgets the oldest when there are too many', () => {
  const remembered = new Remembered<string>(2);
  remembered.set('a', 'a', 10);
  remembered.set('b', 'b', 10);
  // said again, so younger than the other
  remembered.set('a', 'a', 10);
  remembered.set('c', 'c', 10);
  expect(['a', 'b', 'c'].map((key) => remembered.get(key, 0))).toEqual(['a', undefined, 'c']);
});

it('knows that there was a value, until it is told to forget it', () => {
  const remembered = new Remembered<string>(2);
  remembered.set('a', 'a', 10);
  expect(remembered.get('a', 10)).toBeUndefined();
  expect([remembered.knew('a'), remembered.knew('b')]).toEqual([true, false]);
  remembered.forget('a');
  expect(remembered.knew('a')).toBe(false);
});
