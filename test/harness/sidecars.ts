import { type AppSpec, type WorldOptions, planWorld } from './start-world';
import { Workplace } from './workplace';
import { World } from './world';

/**
 * Starts sidecars for services that run inside of the test: `start(service, sidecars.app(id).env)`.
 * It does not wait for these services; with a sidecar's events, they wait for it.
 */
export async function startSidecars(
  apps: readonly AppSpec[],
  options: WorldOptions = {},
): Promise<World> {
  const workplace = Workplace.open();
  try {
    const { plan, serversAnswer } = await planWorld(apps, options, workplace);
    const world = new World(plan, workplace);
    await world.start(serversAnswer);
    return world;
  } catch (error) {
    await workplace.close();
    throw error;
  }
}
