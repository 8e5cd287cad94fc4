import express from 'express';
import { Hop } from './hop';

/** An edge of Express only, with the same hops, and Express' own ETags. */
const hop = new Hop(process.env);
const app = express();
app.get('/api/v1/products/:productId', async (request, response) => {
  response.json(await hop.product(request.params.productId));
});
app.post('/api/v1/orders', express.json(), async (request, response) => {
  const [user, key] = [request.get('x-user-id') ?? '', request.get('idempotency-key') ?? ''];
  response.status(201).json(await hop.order(request.body, user, key));
});
app.get('/health/ready', async (_, response) => {
  response.sendStatus((await hop.isReady()) ? 200 : 503);
});
app.listen(Number(process.env['PORT']), '127.0.0.1');
