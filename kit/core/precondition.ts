import { z } from 'zod';
import { type MicroserviceError, refused } from './errors';

/**
 * The condition of a client for a change: that the record still is, or is not, in a version that the client
 * knows. It travels with the call, and with a command that the call becomes, to the change of the document,
 * which is where it is checked: between a check before that and the change, another client could change the
 * record. It is stored in commands, so the field names must not change.
 */
export const Precondition = z.object({
  /** `If-Match`: the record has one of these versions; `*`: it exists. */
  match: z.union([z.literal('*'), z.array(z.string())]).optional(),
  /** `If-None-Match`: the record has none of these versions; `*`: it does not exist. */
  noneMatch: z.union([z.literal('*'), z.array(z.string())]).optional(),
  /** `If-Unmodified-Since`, in epoch seconds: the record has not changed after this second. */
  unmodifiedSince: z.int().optional(),
});
export type Precondition = z.infer<typeof Precondition>;

/** The reason of the refusal, which the edge answers with 412. */
export const PRECONDITION_FAILED = 'precondition_failed';

/** What identifies the version of a record. A document store lets `updatedAt` only increase. */
interface Versioned {
  /** ISO 8601. */
  readonly updatedAt?: string | undefined;
}

/** The version of a record, as an entity tag contains it: digits and lower-case letters. */
export function versionOf(updatedAt: string): string {
  return Date.parse(updatedAt).toString(36);
}

/**
 * Throws FAILED_PRECONDITION unless the condition is true of a record, which is undefined if it does not
 * exist. Call it in the function that changes the document. Conditions are evaluated in the order of RFC 9110,
 * section 13.2.2: `unmodifiedSince` counts only without `match`.
 */
export function requirePrecondition(
  { match, noneMatch, unmodifiedSince }: Precondition = {},
  record: Versioned | undefined,
): void {
  const version = record?.updatedAt === undefined ? undefined : versionOf(record.updatedAt);
  const names = (versions: '*' | readonly string[]) =>
    versions === '*' ? record !== undefined : version !== undefined && versions.includes(version);
  if (match !== undefined) {
    if (!names(match)) throw preconditionFailed('if-match');
  } else if (unmodifiedSince !== undefined && record?.updatedAt !== undefined) {
    const changed = Math.floor(Date.parse(record.updatedAt) / 1000);
    if (changed > unmodifiedSince) throw preconditionFailed('if-unmodified-since');
  }
  if (noneMatch !== undefined && names(noneMatch)) throw preconditionFailed('if-none-match');
}

const MESSAGES = {
  'if-match': 'the resource is not in a version that if-match names',
  'if-unmodified-since': 'the resource has changed after the time of if-unmodified-since',
  'if-none-match': 'the resource is in a version that if-none-match names',
} as const;

/** FAILED_PRECONDITION, with the header whose condition is false. */
export function preconditionFailed(header: keyof typeof MESSAGES): MicroserviceError {
  return refused(PRECONDITION_FAILED, MESSAGES[header], { header });
}
