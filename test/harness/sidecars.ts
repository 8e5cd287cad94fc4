import { type AppSpec, type StartOptions, startApps } from './start-apps';
import type { RunningSystem } from './running-system';

/**
 * Starts sidecars for services that run inside the test: `start(service, sidecars.app(id).env)`. The
 * sidecars can be used right away, and deliver events once their services listen. The test decides what
 * such a service may publish and subscribe to.
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
