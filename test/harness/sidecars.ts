import { type AppSpec, type WorldOptions, startWorld } from './start-world';
import type { World } from './world';

/**
 * Starts sidecars for services that run inside of the test: `start(service, sidecars.app(id).env)`.
 * They can be used at once, and wait for their services to say events to them. What such a service
 * may say and hear is up to the test.
 */
export const startSidecars = (
  apps: readonly AppSpec[],
  options: WorldOptions = {},
): Promise<World> =>
  startWorld(apps, {
    ...options,
    overrides: { ...options.overrides, bus: { ...UNSCOPED, ...options.overrides?.['bus'] } },
  });

const UNSCOPED = { publishingScopes: '', subscriptionScopes: '' };
