import { startHttpServer } from '#kit/boot/http-server';
import { createApp } from '../../../services/gateway/app';
import { openServices } from './services';
import { MemoryTexts } from './sidecar';

/** The path that answers once nothing is left to do. */
export const SETTLED = '/settled';

/** The services with their documents in memory, behind the gateway's own app. */
export async function startDirect(env: NodeJS.ProcessEnv) {
  const exchange = await openServices(env, () => new MemoryTexts());
  const runtime = exchange.host('gateway');
  const stopping = new AbortController();
  const app = createApp(runtime, stopping.signal);
  const server = await startHttpServer({
    host: '127.0.0.1',
    port: Number(env['PORT']),
    registry: runtime.metrics.registry,
    health: { live: () => ({}), ready: () => ({ ready: true, waitingFor: [] }) },
    app: (request, response) => {
      if (request.url !== SETTLED) app(request, response);
      else void exchange.settled().then(() => response.end());
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    settled: () => exchange.settled(),
    close: () => {
      stopping.abort();
      return server.close(0);
    },
  };
}
