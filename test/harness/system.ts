import { existsSync } from 'node:fs';
import { inProject } from '../../scripts/start/project.mjs';
import { readRunFile } from './run-file';
import { type AppSpec, type StartOptions, startApps } from './start-apps';
import type { RunningSystem } from './running-system';

/** Whom an order meets on its way, and who is told of it: most tests need no more of the system. */
export const ORDER_FLOW = [
  ...['gateway', 'user', 'product', 'order', 'payment'],
  ...['inventory', 'delivery', 'notification'],
] as const;

export interface SystemOptions extends StartOptions {
  /** The apps to start: those of an order's way unless others are named, `all` for the whole of dapr.yaml. */
  apps?: 'all' | readonly string[];
  /** A module that the Node of an app loads before its own, by app id. */
  preload?: Readonly<Record<string, string>>;
  /** Apps that are not in dapr.yaml. */
  more?: readonly AppSpec[];
}

/** Whom the system's first admin is, in every test. */
export const ADMIN = { email: 'admin@example.com', password: 'only-for-tests-of-one-minute' };

/** What a system of a test is told, however it is started; its clients ask more than people do. */
export const TEST_ENV = {
  ADMIN_EMAIL: ADMIN.email,
  ADMIN_PASSWORD: ADMIN.password,
  LIMITS_FILE: inProject('test', 'harness', 'limits.json'),
};

/**
 * Starts what dapr.yaml describes, or a part of it, as it is built in dist/: each service beside its
 * sidecar, on free ports, with servers of its own, all at once.
 */
export async function startSystem(options: SystemOptions = {}): Promise<RunningSystem> {
  const { apps: chosen = ORDER_FLOW, preload, more = [] } = options;
  const { apps } = readRunFile();
  const wanted = apps
    // what stands in for something outside is started with whoever asks it
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
