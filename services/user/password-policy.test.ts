import { describe, expect, test } from '@jest/globals';
import { Code } from '#kit/core/errors';
import { Password, assertNotGuessable } from './password-policy';

const own = { email: 'Anna.Berg@example.com', name: 'Anna Maria Berg' };
const accepted = (password: string) => {
  assertNotGuessable('password', password, own);
};

describe('a password', () => {
  test.each([
    ['is common', 'password'],
    ['is common', '12345678'],
    ['is common', 'qwertyuiop'],
    ['is common', 'iloveyou1'],
    ['is common', 'football2024'],
    ['is a variation of a common one', 'P@ssw0rd'],
    ['is a variation of a common one', 'PASSWORD123'],
    ['is a variation of a common one', 'passwordpassword'],
    ['is a common one in another width', '\uff50\uff41\uff53\uff53word'],
    ['is a sequence', 'abcdefgh'],
    ['repeats itself', 'aaaaaaaaaaaa'],
    ['repeats itself at any length', 'ab'.repeat(64)],
    ['is the own email', 'anna.berg@example.com'],
    ['is the own email', 'ANNA.BERG@EXAMPLE.COM'],
    ['is the own mailbox', 'anna.berg'],
    ['is the own mailbox with a number', 'anna.berg12'],
    ['is the own name', 'Anna Maria Berg'],
  ])('that %s is refused, with the reason: %s', (_, password) => {
    expect(() => {
      accepted(password);
    }).toThrow(
      expect.objectContaining({
        code: Code.INVALID_ARGUMENT,
        details: {
          fields: [
            { field: 'password', message: expect.stringContaining('too easy to guess') as unknown },
          ],
        },
      }),
    );
  });

  test.each([
    'correct horse',
    'a-password-of-a-test',
    'xK4!q9Zt',
    'die Katze tritt die Treppe krumm',
  ])('that is none of these is accepted, without rules of composition: %s', (password) => {
    expect(() => {
      accepted(password);
    }).not.toThrow();
  });

  test.each(['correct \ufffd horse', '\ud800orrect horse', 'correct horse\udfff'])(
    'that was damaged on its way is refused: %j',
    (password) => {
      expect(Password.safeParse(password).success).toBe(false);
    },
  );
});
