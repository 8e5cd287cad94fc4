import { z } from 'zod';
import { Port, readConfig } from '#kit/core/config';
import { startHttpServer } from '#kit/boot/http-server';
import { createLog } from '#kit/core/log';
import { Metrics } from '#kit/core/metrics';
import { LedgerFile } from './ledger-file';
import { SimulatedProvider } from './provider';
import { requestListener } from './server';

// The simulated payment provider as a process of its own: outside of the system, reached by HTTP only.

const STOP_MS = 1_000;

async function main(): Promise<void> {
  const Config = z.object({
    PORT: Port,
    HOST: z.string().default('127.0.0.1'),
    LEDGER_FILE: z.string(),
  });
  const { PORT: port, HOST: host, LEDGER_FILE: file } = readConfig(Config);
  const log = createLog('payment-provider-simulator', 'info');
  const ledger = new LedgerFile(file);
  const { registry } = new Metrics();
  const server = await startHttpServer({
    host,
    port,
    registry,
    app: requestListener(new SimulatedProvider(ledger), log),
    health: { live: () => ({}), ready: () => ({ ready: true, waitingFor: [] }) },
  });
  log.info({ port: server.port }, 'the simulated payment provider is listening');

  const stop = () => {
    // requests that are still open by then are those that never get a response
    void server.close(STOP_MS).finally(() => {
      ledger.close();
      process.exit(0);
    });
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}

main().catch((error: unknown) => {
  process.stderr.write(`payment-provider-simulator: ${String(error)}\n`);
  process.exit(1);
});
