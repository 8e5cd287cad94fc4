import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { packageFile } from '#kit/core/config';
import { describeErrors, parseWith } from '#kit/core/schema-errors';

/** `quota` requests in `window` seconds. */
const Limit = z.strictObject({
  /** Appears in RateLimit-Policy. */
  name: z.string().regex(/^[a-z-]{1,32}$/, 'must be 1 to 32 lower-case letters or hyphens'),
  quota: z.int().min(1).max(1_000_000),
  window: z.int().min(1).max(86_400),
});
export type Limit = z.output<typeof Limit>;

/** Shortest window first: a request that exceeds a limit does not count for the next ones. */
const Tier = z.array(Limit).min(1).max(5).readonly();
export type Tier = z.output<typeof Tier>;

/** `usual` applies to roles that have no tier of their own. */
const TierByRole = z.strictObject({
  usual: Tier,
  anonymous: Tier.optional(),
  customer: Tier.optional(),
  seller: Tier.optional(),
  admin: Tier.optional(),
  service: Tier.optional(),
});

/** The rate limits: the contents of deploy/limits.json. */
export const Tiers = z.strictObject({
  /** For every route that calls a service. */
  general: TierByRole,
  /** For what the gateway answers without a service, by address. */
  status: Tier.default([{ name: 'status', quota: 500, window: 10 }]),
  /** For the pages and files of the API documentation, by address. */
  docs: Tier.default([{ name: 'docs', quota: 100, window: 60 }]),
  /** In addition, for tokens and API keys that have to be verified, by address. */
  unverified: Tier,
  /** In addition, for payment routes. */
  payment: TierByRole,
  /** In addition, for signing in, by address. */
  address: Tier,
  /** In addition, for signing in, by account and address. */
  account: Tier,
});
export type Tiers = z.output<typeof Tiers>;

/** A configuration variable with the path of a file of tiers, which is read at the start. */
export const TiersFile = z
  .string()
  .default(() => packageFile('deploy', 'limits.json'))
  .transform((path, context): Tiers => {
    try {
      const { data, errors } = parseWith(Tiers, JSON.parse(readFileSync(path, 'utf8')));
      if (errors === undefined) return data;
      context.addIssue(`names a file that is not valid: ${describeErrors(errors, 'the file')}`);
    } catch (error) {
      // the message of a JSON error repeats a piece of the file, which holds no secret
      context.addIssue(`names a file that cannot be read: ${String(error)}`);
    }
    return z.NEVER;
  });
