import type { RouteExamples } from './types';

/** For routes/status.ts. */
export const statusExamples: RouteExamples = {
  'GET /health': { summary: 'Reports whether orders can be placed, for a load balancer' },
  'GET /health/detailed': { summary: 'Reports the health of each service' },
  'GET /gateway/status': { summary: 'Reports the state of the gateway' },
  'GET /gateway/services': { summary: 'Lists the services behind the gateway' },
};
