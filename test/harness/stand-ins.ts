import { join } from 'node:path';
import { inProject } from '../../scripts/start/project.mjs';
import { freePorts } from './ports';
import type { ProcessPlan } from './process';
import { endpointsNeeded } from './resources';
import type { RunFile } from './run-file';

/** A program that simulates an external HTTP endpoint. */
export interface StandIn {
  /** The name of the endpoint by which services call it. */
  readonly endpoint: string;
  readonly port: number;
  readonly process: Pick<ProcessPlan, 'name' | 'command' | 'args' | 'env'>;
}

/**
 * The simulated endpoints that the started apps call: apps of dapr.yaml without an appPort, whose PORT is
 * in the base URL of the endpoint. Each gets a free port, and a ledger in the folder.
 */
export async function standIns(
  { apps }: RunFile,
  resources: readonly string[],
  ids: readonly string[],
  folder: string,
): Promise<StandIn[]> {
  const needed = resources.flatMap((from) => endpointsNeeded(from, ids));
  const found = [];
  for (const { appID, appPort, appDirPath, command, env } of apps) {
    const endpoint = needed.find(({ baseUrl }) => new URL(baseUrl).port === env['PORT']);
    if (appPort !== undefined || endpoint === undefined) continue;
    const [port = 0] = await freePorts(1);
    const [program, main = '', ...args] = command;
    // a program with a path is relative to the app's folder, and one without is found in PATH
    const at = program.includes('/') ? inProject(appDirPath, program) : program;
    const process = {
      ...{ name: appID, command: at, args: [inProject(appDirPath, main), ...args] },
      env: { ...env, PORT: String(port), LEDGER_FILE: join(folder, 'servers', `${appID}.db`) },
    };
    found.push({ endpoint: endpoint.name, port, process });
  }
  return found;
}
