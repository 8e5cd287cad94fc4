import { ZxcvbnFactory } from '@zxcvbn-ts/core';
import { adjacencyGraphs, dictionary } from '@zxcvbn-ts/language-common';
import { z } from 'zod';
import { Code, MicroserviceError } from '#kit/core/errors';

// Follows NIST SP 800-63B, 3.1.1.2: a minimum length, no rules of composition, and no password that is
// commonly used, expected or compromised.

/**
 * A password that a client sends. A text with U+FFFD, or with half of a surrogate pair, was damaged on
 * its way: different passwords would be the same here.
 */
export const GivenPassword = z
  .string()
  .min(1)
  .max(128)
  .refine(
    (text) => text.isWellFormed() && !text.includes('\ufffd'),
    'contains a character that was not sent as valid UTF-8',
  );

export const Password = GivenPassword.min(8);

/** Below this number of guesses, an attack that is limited by rates at the sign-in can succeed. */
const MIN_GUESSES = 1_000_000;
/** The time of an estimate grows with the length: 10 ms at most for this. */
const ESTIMATED_LENGTH = 64;

let estimator: ZxcvbnFactory | undefined;

/**
 * Throws INVALID_ARGUMENT if the password is easy to guess: commonly used, a variation of such a
 * password, a simple sequence, or made of the user's own e-mail address or name.
 */
export function assertNotGuessable(
  field: string,
  password: string,
  { email, name = '' }: { readonly email: string; readonly name?: string },
): void {
  const [mailbox = '', host = ''] = email.split('@');
  const own = [email, mailbox, host, name, ...name.split(/\s+/)].filter(({ length }) => length > 2);
  // loaded on first use: 22 MB
  estimator ??= new ZxcvbnFactory({
    dictionary: { passwords: dictionary['passwords-common'] },
    graphs: adjacencyGraphs,
    maxLength: ESTIMATED_LENGTH,
  });
  const text = password.normalize('NFKC');
  const { guesses } = estimator.check(text, own);
  const isOwn = own.some((each) => each.toLowerCase() === text.toLowerCase());
  if (guesses >= MIN_GUESSES && !isOwn) return;
  const message =
    'is too easy to guess: it is a common password or resembles one, or your email or name';
  throw new MicroserviceError(`${field}: ${message}`, Code.INVALID_ARGUMENT, {
    fields: [{ field, message }],
  });
}
