import type { Server } from '../../../scripts/start/servers.mjs';
import type { Engine } from './engine';

/** How a server is run: in a container of the engine, or as a process where there is none. */
export interface Choice {
  readonly engine?: Engine;
  /** For whoever reads the output of a test: what runs, and why it is not a container. */
  readonly description: string;
}

/** Containers where a Docker engine answers and has or can get the server's image, else processes. */
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
    engine === undefined ? 'no Docker engine answers' : `Docker has no ${image}, nor can it get it`;
  return { description: `${server.name}: ${server.find() ?? 'missing'}, as a process: ${why}` };
}
