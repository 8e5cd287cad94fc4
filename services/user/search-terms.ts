import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { User } from './domain';

// Admins find accounts by the beginning of the address or of a word of the name. A store of keys and values
// has no index, so each account is in one list for each of these beginnings.

/** A beginning of this many characters has a list. Beginnings of other lengths are found in a shorter list. */
const LENGTHS = [3, 4, 5, 6, 8, 12, 16, 24] as const;
const MIN_LENGTH = LENGTHS[0];
/** Words of a name that are found: enough for every real name. */
const MAX_WORDS = 6;

/** Text as it is compared: without differences of case, width or accents. */
function folded(text: string): string {
  return text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase().trim();
}

/** What an admin types to find accounts. */
export const SearchText = z
  .string()
  .max(254)
  .transform(folded)
  .pipe(
    z.string().refine((text) => text === '' || Array.from(text).length >= MIN_LENGTH, {
      message: `must have at least ${MIN_LENGTH} characters`,
    }),
  );

/** The texts by whose beginning an account is found. */
function termsOf({ email, name }: Pick<User, 'email' | 'name'>): string[] {
  const whole = folded(name);
  const words = whole.split(/\s+/).slice(0, MAX_WORDS);
  // also the parts of a name such as O'Neill or Anna-Lena
  const parts = words.flatMap((word) => word.split(/['’-]/)).slice(0, MAX_WORDS);
  return [...new Set([folded(email), whole, ...words, ...parts])];
}

/** Whether an account is found by a folded text. */
export function isFoundBy(user: Pick<User, 'email' | 'name'>, text: string): boolean {
  return termsOf(user).some((term) => term.startsWith(text));
}

/** The lists in which an account is: all, those of its role and state, and one for each beginning. */
export function listsOf(user: Pick<User, 'email' | 'name' | 'role' | 'blockedAt'>): string[] {
  const beginnings = termsOf(user).flatMap((term) => {
    const characters = Array.from(term);
    return LENGTHS.filter((length) => length <= characters.length).map((length) =>
      listOfBeginning(characters.slice(0, length).join('')),
    );
  });
  return [...new Set([ALL, listOfRole(user.role), listOfState(stateOf(user)), ...beginnings])];
}

export const State = z.enum(['active', 'blocked']);
export type State = z.infer<typeof State>;

export function stateOf({ blockedAt }: Pick<User, 'blockedAt'>): State {
  return blockedAt === undefined ? 'active' : 'blocked';
}

export const ALL = 'all';
export const listOfState = (state: State): string => `state-${state}`;
export const listOfRole = (role: User['role']): string => `role-${role}`;

/** The shortest list that has every account which is found by a folded text. */
export function listFor(text: string): string {
  const characters = Array.from(text);
  const length = LENGTHS.findLast((each) => each <= characters.length) ?? MIN_LENGTH;
  return listOfBeginning(characters.slice(0, length).join(''));
}

/** Whether the list for a folded text has no other accounts. */
export function isExactList(text: string): boolean {
  return LENGTHS.some((length) => length === Array.from(text).length);
}

/** A hash, because keys are visible where documents are not. */
function listOfBeginning(beginning: string): string {
  return `begin-${createHash('sha256').update(beginning).digest('base64url')}`;
}

/** The lists that an account is in, and those to which it is being added. */
export const UserIndex = z.object({ lists: z.array(z.string()), adding: z.array(z.string()) });
export type UserIndex = z.infer<typeof UserIndex>;
