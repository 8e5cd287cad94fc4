import { GenericContainer, ImageName, Wait, getContainerRuntimeClient } from 'testcontainers';
import type { ContainerSpec, Engine, EngineContainer } from './engine';

/** The Docker engine of this machine, by testcontainers; undefined if none answers. */
export async function dockerEngine(): Promise<Engine | undefined> {
  try {
    const { image } = await getContainerRuntimeClient();
    return {
      has: async (name) => {
        const wanted = ImageName.fromString(name);
        if (await image.exists(wanted)) return true;
        return image.pull(wanted).then(
          () => true,
          () => false,
        );
      },
      run,
    };
  } catch {
    return undefined;
  }
}

async function run(spec: ContainerSpec): Promise<EngineContainer> {
  const { container: client } = await getContainerRuntimeClient();
  const started = await containerOf(spec).start();
  const docker = client.getById(started.getId());
  return {
    pid: async () => (await docker.inspect()).State.Pid,
    start: async () => {
      await docker.start();
    },
    stop: async () => {
      await docker.stop();
    },
    kill: async (signal) => {
      await docker.kill({ signal });
      if (signal === 'SIGKILL') await docker.wait();
    },
    remove: async () => {
      await started.stop({ remove: true, removeVolumes: true });
    },
  };
}

/** The container for testcontainers. */
function containerOf({ image, port, front, env, files, command }: ContainerSpec): GenericContainer {
  const copies = Object.entries(files ?? {}).map(([target, content]) => ({ target, content }));
  const container = new GenericContainer(image)
    .withExposedPorts({ container: port, host: front })
    .withEnvironment(env ?? {})
    .withCopyContentToContainer(copies)
    // its user waits until it answers, as for a process
    .withWaitStrategy(Wait.forLogMessage(/./));
  return command === undefined ? container : container.withCommand(command);
}
