import type { Server } from '../../../scripts/start/servers.mjs';
import type { Engine } from './engine';

/** How a server runs: in a container of the engine, or as a process if there is no engine. */
export interface Choice {
  readonly engine?: Engine;
  /** For the output of a test: what runs and, if it is not a container, why. */
  readonly description: string;
}

/** Containers if a Docker engine answers and has the server's image or can pull it, else processes. */
export async function choose(
  server: Pick<Server, 'name' | 'container' | 'find'>,
  findEngine: () => Promise<Engine | undefined>,
): Promise<Choice> {
  const { image } = server.container(0);
  const engine = await findEngine();
  if (engine !== undefined && (await engine.has(image))) {
    return { engine, description: `${server.name}: ${image}, in a container` };
  }
  const why =
    engine === undefined ? 'no Docker engine answers' : `Docker has no ${image} and cannot pull it`;
  return { description: `${server.name}: ${server.find() ?? 'missing'}, as a process: ${why}` };
}
