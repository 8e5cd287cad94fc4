import {
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type MessageShape,
  create,
} from '@bufbuild/protobuf';
import { Dapr } from '@dapr/dapr/proto/dapr/proto/runtime/v1/dapr_pb';
import { Client, Metadata, type ServiceError, credentials } from '@grpc/grpc-js';
import type { CallContext } from '../../core/call-context';
import { isUser } from '../../core/caller';
import { MicroserviceError, unavailable } from '../../core/errors';
import type { ServiceTokens } from '../../security/service-tokens';
import type { UserAssertionSigner } from '../../security/user-assertions';
import type { CallRequest, CallResponse, StreamRequest } from '../../transport/sidecar';
import { SERVICE_TOKEN_KEY } from './caller-auth';
import { streamDefinition, unaryDefinition } from './grpc-adapter';
import { callContextToMetadata, getPublished } from './metadata';
import type { SidecarAddress } from './sidecar-address';
import { noTimeLeft } from './sidecar-http';
import { fromServiceError, refusalFromTrailers, requestRefusalTrailer } from './status';

/** What a service proves with its calls. */
export interface CallProofs {
  /** Which service it is, where its sidecar does not prove that. */
  readonly tokens?: ServiceTokens | undefined;
  /** Of the edge only: which user has made the request. Other services forward it. */
  readonly assertions?: UserAssertionSigner | undefined;
}

/** The gRPC API of a sidecar, and calls of other services through it. */
export class SidecarGrpc {
  readonly #client: Client;
  readonly #headers: Record<string, string>;

  constructor(
    { host, grpcPort, apiToken }: SidecarAddress,
    private readonly proofs: CallProofs,
  ) {
    this.#client = new Client(`${host}:${String(grpcPort)}`, credentials.createInsecure(), {
      // reconnects soon after a restart of the sidecar; the default backoff is up to two minutes
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 1_000,
      'grpc.service_config_disable_resolution': 1,
      'grpc.enable_channelz': 0,
    });
    this.#headers = apiToken === undefined ? {} : { 'dapr-api-token': apiToken };
  }

  /** Calls a method of another service: see Sidecar.call. */
  async call<M extends DescMethodUnary>(call: CallRequest<M>): Promise<CallResponse<M>> {
    const { appId, method, request, callContext } = call;
    const { path, requestSerialize, responseDeserialize } = unaryDefinition(method);
    const metadata = await this.#callMetadata(appId, callContext);
    const completed = Promise.withResolvers<{ response: unknown; trailers: Metadata }>();
    let response: unknown;
    this.#client
      .makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        metadata,
        { deadline: callContext.deadline },
        (error, message) => {
          response = message;
          if (error !== null) completed.reject(fromServiceError(error, appId));
        },
      )
      .on('status', (status) => {
        completed.resolve({ response, trailers: status.metadata });
      });
    const { response: message, trailers } = await completed.promise;
    const refusal = refusalFromTrailers(trailers, appId);
    if (refusal !== undefined) throw refusal;
    // deserialized by this method's own deserializer
    return { response: message as CallResponse<M>['response'], published: getPublished(trailers) };
  }

  /** Calls a method that returns a stream: see Sidecar.stream. */
  async *stream<M extends DescMethodServerStreaming>(
    call: StreamRequest<M>,
  ): AsyncIterable<MessageShape<M['output']>> {
    const { appId, method, request, callContext, signal } = call;
    const { path, requestSerialize, responseDeserialize } = streamDefinition(method);
    const metadata = await this.#callMetadata(appId, callContext);
    // limits the sidecar's timeout policy to the start of the stream
    metadata.set('dapr-stream', 'true');
    const stream = this.#client.makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      metadata,
      { deadline: callContext.deadline },
    );
    const trailers = new Promise<Metadata>((resolve) => {
      stream.on('status', (status) => {
        resolve(status.metadata);
      });
    });
    const onAbort = () => {
      stream.cancel();
    };
    signal.addEventListener('abort', onAbort);
    try {
      // deserialized by this method's own deserializer
      for await (const message of stream) yield message as MessageShape<M['output']>;
      const refusal = refusalFromTrailers(await trailers, appId);
      if (refusal !== undefined) throw refusal;
    } catch (error) {
      if (signal.aborted) return;
      throw error instanceof MicroserviceError
        ? error
        : // grpc-js ends a stream only with a ServiceError
          fromServiceError(error as ServiceError, appId);
    } finally {
      signal.removeEventListener('abort', onAbort);
      stream.cancel();
    }
  }

  /** Sends bytes through an output binding. The HTTP API accepts JSON only, and JSON would arrive. */
  async sendBytes(
    binding: string,
    operation: string,
    data: Uint8Array,
    bindingMetadata: Readonly<Record<string, string>>,
    timeout: number,
  ): Promise<void> {
    if (timeout <= 0) throw noTimeLeft();
    const method = Dapr.method.invokeBinding;
    const { path, requestSerialize, responseDeserialize } = unaryDefinition(method);
    const request = create(method.input, {
      name: binding,
      operation,
      data,
      metadata: bindingMetadata,
    });
    const metadata = new Metadata();
    for (const [key, value] of Object.entries(this.#headers)) metadata.set(key, value);
    const sent = Promise.withResolvers<undefined>();
    this.#client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      metadata,
      { deadline: Date.now() + timeout },
      (error) => {
        if (error === null) sent.resolve(undefined);
        else sent.reject(unavailable(`sending through ${binding} failed: ${error.details}`));
      },
    );
    await sent.promise;
  }

  close(): void {
    this.#client.close();
  }

  async #callMetadata(appId: string, callContext: CallContext): Promise<Metadata> {
    const { tokens, assertions } = this.proofs;
    const { caller } = callContext;
    const metadata = callContextToMetadata(
      assertions !== undefined && isUser(caller)
        ? { ...callContext, assertion: await assertions.assertionOf(caller) }
        : callContext,
      appId,
    );
    metadata.set('dapr-app-id', appId);
    if (tokens !== undefined) metadata.set(SERVICE_TOKEN_KEY, await tokens.tokenFor(appId));
    for (const [key, value] of Object.entries(this.#headers)) metadata.set(key, value);
    requestRefusalTrailer(metadata);
    return metadata;
  }
}
