import { hash } from 'node:crypto';
import { fastify } from 'fastify';
import { Hop } from './hop';

/** An edge of Fastify only, with the same hops, and an ETag, which Fastify has no support for. */
const hop = new Hop(process.env);
const app = fastify();
app.get<{ Params: { productId: string } }>(
  '/api/v1/products/:productId',
  async (request, reply) => {
    const text = JSON.stringify(await hop.product(request.params.productId));
    const etag = `W/"${hash('sha1', text, 'base64url')}"`;
    reply.header('etag', etag);
    if (request.headers['if-none-match'] === etag) return reply.code(304).send();
    return reply.type('application/json; charset=utf-8').send(text);
  },
);
app.post('/api/v1/orders', async (request, reply) => {
  const [user, key] = [request.headers['x-user-id'], request.headers['idempotency-key']];
  return reply.code(201).send(await hop.order(request.body, String(user), String(key)));
});
app.get('/health/ready', async (_, reply) => reply.code((await hop.isReady()) ? 200 : 503).send());
void app.listen({ port: Number(process.env['PORT']), host: '127.0.0.1' });
