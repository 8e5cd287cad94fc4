import { describe, expect, test } from '@jest/globals';
import { Code } from './errors';
import { type Precondition, requirePrecondition, versionOf } from './precondition';

const AT = '2026-01-01T10:00:00.300Z';
const record = { updatedAt: AT };
const now = versionOf(AT);
const before = versionOf('2026-01-01T09:59:59.000Z');
const second = Date.parse('2026-01-01T10:00:00Z') / 1000;

/** Whether the condition is true of the record. */
function holds(precondition: Precondition | undefined, of: { updatedAt?: string } | undefined) {
  try {
    requirePrecondition(precondition, of);
    return true;
  } catch (error) {
    expect(error).toMatchObject({
      code: Code.FAILED_PRECONDITION,
      details: { reason: 'precondition_failed', header: expect.stringMatching(/^if-/) },
    });
    return false;
  }
}

describe('a condition of a change', () => {
  test.each<[string, Precondition | undefined, boolean]>([
    ['is true if there is none', undefined, true],
    ['of one version is true of that version', { match: [now] }, true],
    ['of several versions is true of one of them', { match: [before, now] }, true],
    ['of another version is false', { match: [before] }, false],
    ['of no version is false', { match: [] }, false],
    ['that the record exists is true', { match: '*' }, true],
    ['against one version is false of that version', { noneMatch: [before, now] }, false],
    ['against another version is true', { noneMatch: [before] }, true],
    ['against no version is true', { noneMatch: [] }, true],
    ['that the record does not exist is false', { noneMatch: '*' }, false],
    ['of a time is true if the record changed in that second', { unmodifiedSince: second }, true],
    ['of a time is true if it changed before', { unmodifiedSince: second + 1 }, true],
    ['of a time is false if it changed after', { unmodifiedSince: second - 1 }, false],
    ['of a version wins over one of a time', { match: [now], unmodifiedSince: 0 }, true],
    ['of a version that is false wins too', { match: [before], unmodifiedSince: second }, false],
    ['of a version does not replace one against it', { match: [now], noneMatch: [now] }, false],
  ])('%s', (_, precondition, expected) => {
    expect(holds(precondition, record)).toBe(expected);
  });

  test.each<[string, Precondition, boolean]>([
    ['that it exists is false', { match: '*' }, false],
    ['of a version is false', { match: [now] }, false],
    ['that it does not exist is true', { noneMatch: '*' }, true],
    ['of a time counts for nothing', { unmodifiedSince: 0 }, true],
  ])('about a record that does not exist: %s', (_, precondition, expected) => {
    expect(holds(precondition, undefined)).toBe(expected);
  });

  test.each<[string, Precondition, boolean]>([
    ['that it exists is true', { match: '*' }, true],
    ['of a version is false', { match: [now] }, false],
    ['of a time counts for nothing', { unmodifiedSince: 0 }, true],
  ])('about a record without a time: %s', (_, precondition, expected) => {
    expect(holds(precondition, {})).toBe(expected);
  });

  test('compares instants, however they are written', () => {
    expect(versionOf('2026-01-01T11:00:00.300+01:00')).toBe(now);
    expect(versionOf('2026-01-01T10:00:00Z')).toBe(versionOf('2026-01-01T10:00:00.000Z'));
  });
});
