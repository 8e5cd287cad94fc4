import { readFileSync } from 'node:fs';
import express from 'express';
import { type Script, readId } from './recording';
import { Replay } from './replay';
import { BareSidecar } from './sidecar';

/** The edge without its features: it takes an order by POST, has it fulfilled, and answers. */
function serve(env: NodeJS.ProcessEnv): void {
  const { PORT, DAPR_HTTP_PORT = '', DAPR_GRPC_PORT = '' } = env;
  // the variant wrote it just before
  const script = JSON.parse(readFileSync(env['BARE_SCRIPT'] ?? '', 'utf8')) as Script;
  const sidecar = new BareSidecar(DAPR_HTTP_PORT, DAPR_GRPC_PORT);
  const replay = new Replay(script, Number(env['BARE_SLOTS']), sidecar);

  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.post('/api/v1/orders', express.json(), async (request, response) => {
    const { order } = readId(request.get('idempotency-key') ?? '');
    const { edge } = replay.recording(order);
    await replay.run(edge.steps, order);
    response.status(201).type('application/json').send(edge.answer);
  });
  app.get('/health/ready', async (_, response) => {
    response.sendStatus((await sidecar.isReady()) ? 200 : 503);
  });
  app.listen(Number(PORT), '127.0.0.1');
}

serve(process.env);
