import { existsSync } from 'node:fs';
import { inProject } from '../../scripts/start/project.mjs';
import { readRunFile } from './run-file';
import { type AppSpec, type StartOptions, startApps } from './start-apps';
import type { RunningSystem } from './running-system';

/** The services that take part in an order or its notifications: enough for most tests. */
export const ORDER_FLOW = [
  ...['gateway', 'user', 'product', 'order', 'payment'],
  ...['inventory', 'delivery', 'notification', 'shop'],
] as const;

export interface SystemOptions extends StartOptions {
  /** The apps to start: by default those of an order, `all` for the whole of dapr.yaml. */
  apps?: 'all' | readonly string[];
  /** A module to preload into the Node process of an app, by app id. */
  preload?: Readonly<Record<string, string>>;
  /** Apps that are not in dapr.yaml. */
  more?: readonly AppSpec[];
}

/** The account of the first admin in every test. */
export const ADMIN = { email: 'admin@example.com', password: 'only-for-tests-of-one-minute' };

/** The environment of a tested system; its rate limits are higher, as test clients send more than people. */
export const TEST_ENV = {
  ADMIN_EMAIL: ADMIN.email,
  ADMIN_PASSWORD: ADMIN.password,
  LIMITS_FILE: inProject('test', 'harness', 'limits.json'),
};

/**
 * Starts the apps of dapr.yaml, or a part of them, as built in dist/: each service with its sidecar, on
 * free ports and with servers of its own, concurrently.
 */
export async function startSystem(options: SystemOptions = {}): Promise<RunningSystem> {
  const { apps: chosen = ORDER_FLOW, preload, more = [] } = options;
  const { apps } = readRunFile();
  const wanted = apps
    // simulated endpoints are started with the apps that call them
    .filter(({ appPort }) => appPort !== undefined)
    .filter(({ appID }) => chosen === 'all' || chosen.some((id) => id === appID));
  const specs = wanted.map(({ appID, appDirPath, appProtocol, appPort, command, env }) => {
    const cwd = inProject(appDirPath);
    const [, main] = command;
    if (main !== undefined && !existsSync(inProject(appDirPath, main))) {
      throw new Error(`${appID} is not built: there is no ${main}, run "npm run build"`);
    }
    const protocol = appProtocol === undefined ? {} : { protocol: appProtocol };
    return {
      appId: appID,
      onePort: Number(env['PORT']) === appPort,
      command: preloaded(command, preload?.[appID]),
      cwd,
      env,
      ...protocol,
    };
  });
  return startApps([...specs, ...more], {
    secured: true,
    ...options,
    env: { ...TEST_ENV, ...options.env },
  });
}

function preloaded(
  [program, ...args]: readonly [string, ...string[]],
  file: string | undefined,
): readonly [string, ...string[]] {
  return file === undefined ? [program, ...args] : [program, '--require', file, ...args];
}
