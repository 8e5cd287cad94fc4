import { type DescMethodUnary, type JsonValue, create, fromJson, toJson } from '@bufbuild/protobuf';
import { Client, Metadata, credentials } from '@grpc/grpc-js';
import { request } from 'undici';
import { DEFAULT_TENANT } from '#kit/core/caller';
import { systemClock } from '#kit/core/clock';
import { SERVICE_TOKEN_KEY } from '#kit/adapters/dapr/caller-auth';
import { unaryDefinition } from '#kit/adapters/dapr/grpc-adapter';
import { silentLog } from '#kit/core/log';
import { loadSigningKey } from '#kit/security/service-keys';
import { ServiceTokens } from '#kit/security/service-tokens';
import { EDGE, UserAssertionSigner } from '#kit/security/user-assertions';
import { OrderService, PlaceOrderRequestSchema } from '#proto/retail/order/v1/order_pb';
import { GetProductRequestSchema, ProductService } from '#proto/retail/product/v1/product_pb';

/**
 * The hops behind an edge: its sidecar, that of the service, the service, and the JSON of the answer; with
 * the service token that every service requires, and the assertion of the user as the gateway signs it.
 */
export class Hop {
  readonly #sidecar: string;
  readonly #grpc: Client;
  readonly #tokens: Promise<ServiceTokens>;
  readonly #assertions: Promise<UserAssertionSigner>;

  constructor(env: NodeJS.ProcessEnv) {
    const { APP_ID = '', SERVICE_KEYS = '', DAPR_HTTP_PORT = '', DAPR_GRPC_PORT = '' } = env;
    this.#tokens = ServiceTokens.open(APP_ID, SERVICE_KEYS, systemClock, silentLog);
    this.#assertions = loadSigningKey(SERVICE_KEYS, EDGE).then(
      (key) => new UserAssertionSigner(key, systemClock),
    );
    this.#sidecar = `http://127.0.0.1:${DAPR_HTTP_PORT}`;
    this.#grpc = new Client(`127.0.0.1:${DAPR_GRPC_PORT}`, credentials.createInsecure(), {
      'grpc.service_config_disable_resolution': 1,
      'grpc.enable_channelz': 0,
    });
  }

  product(productId: string): Promise<JsonValue> {
    const method = ProductService.method.getProduct;
    return this.#call('product', method, create(GetProductRequestSchema, { productId }), {});
  }

  /** Places an order for a user, under a key. */
  async order(body: unknown, userId: string, key: string): Promise<JsonValue> {
    // the benchmark sends valid orders only
    const message = fromJson(PlaceOrderRequestSchema, body as JsonValue);
    return this.#call('order', OrderService.method.placeOrder, message, {
      ...{ 'x-cause-id': key, 'x-keyed': 'true' },
      'x-user-assertion': await this.#assertionOf(userId),
    });
  }

  async #assertionOf(userId: string): Promise<string> {
    const customer = { userId, role: 'customer', tenantId: DEFAULT_TENANT } as const;
    return (await this.#assertions).assertionOf(customer);
  }

  async isReady(): Promise<boolean> {
    const answer = await request(`${this.#sidecar}/v1.0/healthz/outbound`);
    await answer.body.dump();
    return answer.statusCode === 204;
  }

  async #call(
    appId: string,
    method: DescMethodUnary,
    message: ReturnType<typeof create>,
    headers: Readonly<Record<string, string>>,
  ): Promise<JsonValue> {
    const { path, requestSerialize, responseDeserialize } = unaryDefinition(method);
    const metadata = new Metadata();
    metadata.set('dapr-app-id', appId);
    metadata.set(SERVICE_TOKEN_KEY, await (await this.#tokens).tokenFor(appId));
    for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
    const options = { deadline: Date.now() + 30_000 };
    return new Promise((answered, failed) => {
      this.#grpc.makeUnaryRequest(
        ...([path, requestSerialize, responseDeserialize, message, metadata, options] as const),
        (error, answer) => {
          if (error !== null || answer === undefined) failed(error ?? new Error('no answer'));
          else answered(toJson(method.output, answer, { alwaysEmitImplicit: true }));
        },
      );
    });
  }
}
