import { root } from '../../scripts/start/project.mjs';
import { readRunFile } from '../harness/run-file';
import type { AppSpec } from '../harness/start-apps';

type App = ReturnType<typeof readRunFile>['apps'][number];

/** The apps of dapr.yaml, with their names and protocols, each run by another program. */
export function appsRunBy(commandOf: (app: App, isEdge: boolean) => AppSpec['command']): AppSpec[] {
  return (
    readRunFile()
      // an app without a port simulates an external endpoint, and is started with its callers
      .apps.filter(({ appPort }) => appPort !== undefined)
      .map((app): AppSpec => {
        const { appID: appId, appProtocol: protocol, appPort, env } = app;
        const onePort = Number(env['PORT']) === appPort;
        const command = commandOf(app, onePort);
        return {
          ...{ appId, onePort, cwd: root, env },
          ...(command === undefined ? {} : { command }),
          ...(protocol === undefined ? {} : { protocol }),
        };
      })
  );
}

/** A program of the benchmark, run from its source. */
export function onSources(file: string): readonly [string, ...string[]] {
  return ['node', '--import', `${root}/scripts/typescript.mjs`, file];
}
