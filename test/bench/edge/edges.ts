import { inProject } from '../../../scripts/start/project.mjs';
import { readRunFile } from '../../harness/run-file';
import type { AppSpec } from '../../harness/start-apps';
import { type SystemOptions, startSystem } from '../../harness/system';
import type { RunningSystem } from '../../harness/running-system';
import { onSources } from '../apps';

/** The edges of the same services, by the name of the app. */
export const EDGES: Readonly<Record<string, string>> = {
  ours: 'gateway',
  'ours again': 'gateway-again',
  express: 'bench-express',
  fastify: 'bench-fastify',
};

/** A gateway without load shedding. */
export const OPEN = 'gateway-open';
const NEVER = { SHED_IN_FLIGHT: '1000000', SHED_LAG_MS: '1000000' };

/** Of the edges that only pass requests on. */
const CALLS = {
  product: ['retail.product.v1.ProductService/GetProduct'],
  order: ['retail.order.v1.OrderService/PlaceOrder'],
};

/** The system, with another gateway and two edges that only pass requests on. */
export function startEdges(options: SystemOptions = {}): Promise<RunningSystem> {
  const gateway = readRunFile().apps.find(({ appID }) => appID === 'gateway');
  if (gateway === undefined) throw new Error('dapr.yaml has no gateway');
  const { appID: appId, command, env } = gateway;
  const edge = { protocol: 'http', onePort: true, cwd: inProject() } as const;
  const bare = (name: string): AppSpec => ({
    ...{ ...edge, appId: `bench-${name}`, calls: CALLS },
    command: onSources(inProject('test', 'bench', 'edge', `${name}.ts`)),
  });
  return startSystem({
    ...options,
    env: { LIMITS_FILE: inProject('test', 'bench', 'edge', 'limits.json'), ...options.env },
    more: [
      { ...edge, appId, name: 'gateway-again', command, env },
      { ...edge, appId, name: OPEN, command, env: { ...env, ...NEVER } },
      bare('express'),
      bare('fastify'),
    ],
  });
}
