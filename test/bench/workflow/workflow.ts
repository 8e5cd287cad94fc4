import { inProject } from '../../../scripts/start/project.mjs';
import { readRunFile } from '../../harness/run-file';
import { startWorld } from '../../harness/start-world';
import { TEST_ENV } from '../../harness/system';
import type { World } from '../../harness/world';
import { appsRunBy, onSources } from '../apps';
import type { Arm } from '../arm';
import type { Cpu } from '../cpu';
import { Shop } from '../shop';
import { busSettled, cpuOfWorld, pauseWorld, resumeWorld } from '../world-arm';

/**
 * The system as it is, but for how an order is carried out: by a Dapr Workflow, whose activities
 * ask the same services. Placement and scheduler, which it needs, are part of what it costs.
 */
export class Workflow implements Arm {
  readonly name = 'workflow';
  #world: World | undefined;
  #shop: Shop | undefined;

  get world(): World {
    if (this.#world === undefined) throw new Error('workflow is not started');
    return this.#world;
  }

  get shop(): Shop {
    if (this.#shop === undefined) throw new Error('workflow is not started');
    return this.#shop;
  }

  async start(): Promise<void> {
    this.#world = await startWorkflowWorld();
    this.#shop = await Shop.open(this.world.app('gateway').url);
    await this.settled();
  }

  placeOrder(n: number): Promise<void> {
    return this.shop.buy(this.shop.purchase(n));
  }

  settled(): Promise<void> {
    return busSettled(this.world);
  }

  cpu(): Cpu {
    return cpuOfWorld(this.world);
  }

  pause(): void {
    pauseWorld(this.world);
  }

  async resume(): Promise<void> {
    resumeWorld(this.world);
    await this.shop.reconnect();
  }

  async stop(): Promise<void> {
    await this.#shop?.close();
    await this.#world?.stop();
    this.#shop = this.#world = undefined;
  }
}

export function startWorkflowWorld(): Promise<World> {
  const main = inProject('test', 'bench', 'workflow', 'main.ts');
  const specs = appsRunBy(({ appID, command }) => (appID === 'order' ? onSources(main) : command));
  return startWorld(specs, {
    resources: [...readRunFile().common.resourcesPaths, 'test/bench/workflow/components'],
    controlPlane: true,
    env: TEST_ENV,
  });
}
