import type { EdgeConfig } from '../definition';
import type { Tiers } from '../rate-limits/tiers';

const unlimited = (name: string) => [{ name, quota: 1_000_000, window: 60 }];

/** Rate limits that no test reaches. */
export const UNLIMITED: Tiers = {
  general: { usual: unlimited('minute') },
  status: unlimited('status'),
  docs: unlimited('docs'),
  unverified: unlimited('unverified'),
  payment: { usual: unlimited('payment') },
  address: unlimited('address'),
  account: unlimited('account'),
};

/** The configuration of a test, with limits that do not interfere with it. */
export const CONFIG: EdgeConfig = {
  SERVICE_VERSION: '1.2.3',
  INSTANCE_ID: 'test',
  LIMITS_FILE: UNLIMITED,
  LIMITS_STORE: undefined,
  TRUSTED_PROXIES: [],
  CORS_ORIGINS: [],
  AUDIT_FILE: undefined,
  SHED_IN_FLIGHT: 1_000,
  SHED_LAG_MS: 5_000,
};
