import { join } from 'node:path';
import { inProject } from '../../scripts/start/project.mjs';
import { freePorts } from './ports';
import type { ProcessPlan } from './process';
import { endpointsNeeded } from './resources';
import type { RunFile } from './run-file';

/** A program that stands in for an HTTP endpoint outside of the system. */
export interface StandIn {
  /** The endpoint's name, by which services ask it. */
  readonly endpoint: string;
  readonly port: number;
  readonly process: Pick<ProcessPlan, 'name' | 'command' | 'args' | 'env'>;
}

/**
 * Those apps of dapr.yaml that the apps started ask as an HTTP endpoint: they have no appPort, and
 * the endpoint's base URL names their PORT. Each gets a free port, and a ledger in the folder.
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
    const process = {
      ...{ name: appID, command: program, args: [inProject(appDirPath, main), ...args] },
      env: { ...env, PORT: String(port), LEDGER_FILE: join(folder, 'servers', `${appID}.db`) },
    };
    found.push({ endpoint: endpoint.name, port, process });
  }
  return found;
}
