import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { missingError, servers } from '../../scripts/start/servers.mjs';
import { childEnv } from '../../scripts/start/project.mjs';
import { freePorts } from './ports';
import { LocalProcess } from './process';
import type { ServerKind } from './resources';
import { until } from './until';
import { Workplace } from './workplace';

/** One server without a system around it. */
export interface OneServer {
  readonly port: number;
  readonly process: LocalProcess;
  close(): Promise<void>;
}

/** Starts a server as `npm start` does, on a free port and with data of its own. */
export async function startOneServer(kind: ServerKind): Promise<OneServer> {
  const server = servers[kind];
  const program = server.find();
  if (program === undefined) throw missingError(server);
  const workplace = Workplace.open();
  const ports = await freePorts(server.ports.length);
  const [port = 0] = ports;
  const data = join(workplace.folder, 'servers', server.program);
  mkdirSync(data);
  const { command, args, env = {} } = await server.plan(program, ports, data, port);
  const process = new LocalProcess({
    ...{ name: server.program, command, args, cwd: workplace.folder },
    env: { ...(childEnv() as Record<string, string>), ...env },
    log: join(workplace.folder, 'logs', `${server.program}.log`),
    pidFile: join(workplace.folder, 'pids', server.program),
  });
  process.start();
  await until(`an answer of ${server.name}`, () => server.responds(port));
  return {
    port,
    process,
    close: async () => {
      await process.kill();
      await workplace.close();
    },
  };
}
