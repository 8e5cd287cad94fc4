import { systemClock } from '#kit/clock';
import { KitConfig, readConfig } from '#kit/config';
import { createFlags } from '#kit/flags';
import { Host } from '#kit/host';
import { startHttpServer } from '#kit/http-server';
import { createLog } from '#kit/log';
import { Metrics } from '#kit/metrics';
import type { AnyService } from '#kit/service';
import { delivery } from '../../../services/delivery/service';
import { createApp } from '../../../services/gateway/app';
import { gateway } from '../../../services/gateway/service';
import { inventory } from '../../../services/inventory/service';
import { notification } from '../../../services/notification/service';
import { order } from '../../../services/order/service';
import { payment } from '../../../services/payment/service';
import { product } from '../../../services/product/service';
import { user } from '../../../services/user/service';
import { DirectSidecar, Exchange } from './sidecar';

const SERVICES: readonly AnyService[] = [
  ...[user, product, order, payment, notification, inventory, delivery, gateway],
];

/** The path at which the process tells, once it is so, that nothing is left to do. */
export const SETTLED = '/settled';

/** All services and the gateway in this process, with nothing between them; as they are otherwise. */
export async function startDirect(env: NodeJS.ProcessEnv) {
  const exchange = new Exchange();
  for (const service of SERVICES)
    exchange.hosts.set(service.name, await hostOf(service, env, exchange));
  const host = exchange.host(gateway.name);
  const app = createApp(host);
  const server = await startHttpServer({
    host: '127.0.0.1',
    port: Number(env['PORT']),
    registry: host.metrics.registry,
    health: { live: () => ({}), ready: () => ({ ready: true, waitingFor: [] }) },
    app: (request, response) => {
      if (request.url !== SETTLED) app(request, response);
      else void exchange.settled().then(() => response.end());
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    settled: () => exchange.settled(),
    close: () => server.close(0),
  };
}

async function hostOf(service: AnyService, env: NodeJS.ProcessEnv, exchange: Exchange) {
  const schema = KitConfig.extend(service.definition.config?.shape ?? {});
  const noSidecar = { DAPR_HTTP_PORT: '0', DAPR_GRPC_PORT: '0' };
  // a shape that is known only now hides the kit's own part from the type
  const config = readConfig(schema, { ...env, ...noSidecar }) as KitConfig;
  const log = createLog(service.name, config.LOG_LEVEL);
  const metrics = new Metrics();
  const flags = createFlags({ file: config.FLAGS_FILE, log });
  await flags.ready();
  const sidecar = new DirectSidecar(exchange);
  const random = () => Math.random();
  return new Host(service, { sidecar, clock: systemClock, random, log, metrics, flags, config });
}
