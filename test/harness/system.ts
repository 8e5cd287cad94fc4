import { existsSync } from 'node:fs';
import { inProject } from '../../scripts/start/project.mjs';
import { readRunFile } from './run-file';
import { type AppSpec, type WorldOptions, startWorld } from './start-world';
import type { World } from './world';

export interface SystemOptions extends WorldOptions {
  /** The apps to start; all of dapr.yaml unless some are named. */
  apps?: readonly string[];
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
 * Starts the system that dapr.yaml describes, as it is built in dist/: each service beside its
 * sidecar, on free ports, with a Redis of its own, all at once.
 */
export async function startSystem(options: SystemOptions = {}): Promise<World> {
  const { apps } = readRunFile();
  const wanted = apps
    // what stands in for something outside is started with whoever asks it
    .filter(({ appPort }) => appPort !== undefined)
    .filter(({ appID }) => options.apps?.includes(appID) ?? true);
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
      command: preloaded(command, options.preload?.[appID]),
      cwd,
      env,
      ...protocol,
    };
  });
  return startWorld([...specs, ...(options.more ?? [])], {
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
