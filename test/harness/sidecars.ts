import { type AppSpec, type StartOptions, startApps } from './start-apps';
import type { RunningSystem } from './running-system';

/**
 * Starts sidecars for services that run inside of the test: `start(service, sidecars.app(id).env)`.
 * They can be used at once, and wait for their services to say events to them. What such a service
 * may say and hear is up to the test.
 */
export const startSidecars = (
  apps: readonly AppSpec[],
  options: StartOptions = {},
): Promise<RunningSystem> =>
  startApps(apps, {
    ...options,
    overrides: { ...options.overrides, bus: { ...UNSCOPED, ...options.overrides?.['bus'] } },
  });

const UNSCOPED = { publishingScopes: '', subscriptionScopes: '' };
