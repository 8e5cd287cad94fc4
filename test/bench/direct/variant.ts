import { join } from 'node:path';
import { childEnv, root } from '../../../scripts/start/project.mjs';
import { freePorts } from '../../harness/ports';
import { LocalProcess } from '../../harness/process';
import { TEST_ENV } from '../../harness/system';
import { until } from '../../harness/until';
import { Workplace } from '../../harness/workplace';
import type { Variant } from '../variant';
import { type Cpu, cpuOf } from '../cpu';
import { Shop } from '../shop';
import { SETTLED } from './system';

interface Started {
  readonly workplace: Workplace;
  readonly process: LocalProcess;
  readonly url: string;
  readonly shop: Shop;
}

/** The same services in one process: no sidecars, no broker, no database. */
export class Direct implements Variant {
  readonly name = 'direct';
  #started: Started | undefined;

  async start(): Promise<void> {
    const workplace = Workplace.open();
    const { folder } = workplace;
    const [port = 0] = await freePorts(1);
    const process = new LocalProcess({
      name: this.name,
      command: 'node',
      args: ['--import', './scripts/typescript.mjs', join(__dirname, 'main.ts')],
      cwd: root,
      env: environment(port, folder),
      log: join(folder, 'logs', this.name),
      pidFile: join(folder, 'pids', this.name),
    });
    process.start();
    const url = `http://127.0.0.1:${port}`;
    try {
      await until('the direct variant', async () => (await fetch(`${url}/health/ready`)).ok);
      const shop = await Shop.open(url);
      this.#started = { workplace, process, url, shop };
      await this.settled();
    } catch (error) {
      const why = `${String(error)}\n${process.tail()}`;
      await workplace.close();
      throw new Error(why, { cause: error });
    }
  }

  async placeOrder(n: number): Promise<void> {
    const { shop } = this.#running;
    await shop.buy(shop.purchase(n));
  }

  async settled(): Promise<void> {
    await (await fetch(`${this.#running.url}${SETTLED}`)).arrayBuffer();
  }

  cpu(): Cpu {
    return cpuOf({ [this.name]: this.#running.process.pid });
  }

  pause(): void {
    this.#running.process.signal('SIGSTOP');
  }

  async resume(): Promise<void> {
    this.#running.process.signal('SIGCONT');
    await this.#running.shop.reconnect();
  }

  async stop(): Promise<void> {
    const started = this.#started;
    this.#started = undefined;
    await started?.shop.close();
    await started?.process.kill();
    await started?.workplace.close();
  }

  get #running(): Started {
    if (this.#started === undefined) throw new Error(`${this.name} is not started`);
    return this.#started;
  }
}

function environment(port: number, folder: string): Record<string, string> {
  const given = Object.entries(childEnv()).filter(([name]) => name !== 'NODE_OPTIONS');
  return {
    // childEnv returns variables that are set only
    ...(Object.fromEntries(given) as Record<string, string>),
    PORT: String(port),
    USER_KEY_FILE: join(folder, 'user-key'),
    DEVICE_KEY_FILE: join(folder, 'device-key'),
    ...TEST_ENV,
  };
}
