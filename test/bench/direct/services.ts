import { systemClock } from '#kit/core/clock';
import { KitConfig, readConfig } from '#kit/core/config';
import { createFlags } from '#kit/flags/flags';
import { ServiceRuntime } from '#kit/runtime/service-runtime';
import { createLog } from '#kit/core/log';
import { Metrics } from '#kit/core/metrics';
import { OPEN_BUS } from '#kit/testing/open-bus';
import type { AnyService } from '#kit/service/service';
import { delivery } from '../../../services/delivery/service';
import { gateway } from '../../../services/gateway/definition';
import { inventory } from '../../../services/inventory/service';
import { notification } from '../../../services/notification/service';
import { order } from '../../../services/order/service';
import { PROVIDER } from '../../../services/payment/provider';
import { payment } from '../../../services/payment/service';
import { SimulatedProvider } from '../../../services/payment/simulator/provider';
import { product } from '../../../services/product/service';
import { shop } from '../../../services/shop/service';
import { user } from '../../../services/user/service';
import { DirectSidecar, Exchange, type Texts } from './sidecar';

const SERVICES: readonly AnyService[] = [
  ...[user, product, shop, order, payment, notification, inventory, delivery, gateway],
];

/** All services unchanged in this process, with nothing between them. */
export async function openServices(
  env: NodeJS.ProcessEnv,
  textsOf: (appId: string) => Texts,
): Promise<Exchange> {
  const exchange = new Exchange();
  const provider = new SimulatedProvider(new Map());
  exchange.endpoints.set(PROVIDER, (request) => provider.answer(request));
  for (const service of SERVICES) {
    const sidecar = new DirectSidecar(exchange, textsOf(service.name));
    exchange.hosts.set(service.name, await hostOf(service, env, sidecar));
  }
  return exchange;
}

async function hostOf(service: AnyService, env: NodeJS.ProcessEnv, sidecar: DirectSidecar) {
  const schema = KitConfig.extend(service.definition.config?.shape ?? {});
  const noSidecar = { DAPR_HTTP_PORT: '0', DAPR_GRPC_PORT: '0', SERVICE_KEYS: 'none' };
  // the generic type hides the kit's part of it
  const config = readConfig(schema, { ...env, ...noSidecar }) as KitConfig;
  const log = createLog(service.name, config.LOG_LEVEL);
  const metrics = new Metrics();
  const flags = createFlags({ file: config.FLAGS_FILE, log });
  await flags.ready();
  const random = () => Math.random();
  return new ServiceRuntime(service, {
    sidecar,
    clock: systemClock,
    random,
    log,
    metrics,
    flags,
    ...OPEN_BUS,
    config,
  });
}
