import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { packageFile } from '#kit/core/config';
import { describeErrors, parseWith } from '#kit/core/schema-errors';

/** So many requests (`quota`) in so many seconds (`window`). */
const Limit = z.strictObject({
  /** As RateLimit-Policy tells it. */
  name: z.string().regex(/^[a-z-]{1,32}$/, 'must be 1 to 32 small letters or hyphens'),
  quota: z.int().min(1).max(1_000_000),
  window: z.int().min(1).max(86_400),
});
export type Limit = z.output<typeof Limit>;

/** Shortest window first: what it refuses is not counted by those after it. */
const Tier = z.array(Limit).min(1).max(5).readonly();
export type Tier = z.output<typeof Tier>;

/** `usual` is for the roles that are not named. */
const ByRole = z.strictObject({
  usual: Tier,
  anonymous: Tier.optional(),
  customer: Tier.optional(),
  seller: Tier.optional(),
  admin: Tier.optional(),
  service: Tier.optional(),
});

/** How often somebody may ask: what deploy/limits.json holds. */
export const Tiers = z.strictObject({
  /** Of every route but what the gateway answers of itself. */
  general: ByRole,
  /** Of tokens and API keys that have to be verified, besides: from one address. */
  unverified: Tier,
  /** Of the payment routes, besides. */
  payment: ByRole,
  /** Of signing in, besides: from one address, and to one account from wherever. */
  address: Tier,
  account: Tier,
});
export type Tiers = z.output<typeof Tiers>;

/** A variable with the path of a file of tiers, read at the start. */
export const TiersFile = z
  .string()
  .default(() => packageFile('deploy', 'limits.json'))
  .transform((path, context): Tiers => {
    try {
      const { data, errors } = parseWith(Tiers, JSON.parse(readFileSync(path, 'utf8')));
      if (errors === undefined) return data;
      context.addIssue(`names a file that is not usable: ${describeErrors(errors, 'the whole')}`);
    } catch (error) {
      // the text of a JSON error repeats a piece of the file, which is no secret
      context.addIssue(`names a file that cannot be read: ${String(error)}`);
    }
    return z.NEVER;
  });
