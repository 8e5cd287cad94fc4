import type {
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
  MessageInitShape,
} from '@bufbuild/protobuf';
import type { OperationsService } from '#proto/retail/operations/v1/operations_pb';
import type { Callee, Definition, UnaryOf } from '../service/definition';
import type {
  CallRequest,
  EndpointRequest,
  EndpointResponse,
  StreamRequest,
} from '../transport/sidecar';

/** Handles calls of a method: returns the response or throws a MicroserviceError. */
export type Fake<M extends DescMethodUnary> = (
  request: CallRequest<M>['request'],
  call: CallRequest<M>,
) => Promise<MessageInitShape<M['output']>> | MessageInitShape<M['output']>;

/** Handles calls of a method that returns a stream. */
export type FakeStream<M extends DescMethodServerStreaming> = (
  request: StreamRequest<M>['request'],
  call: StreamRequest<M>,
) => AsyncIterable<MessageInitShape<M['output']>>;

/**
 * An HTTP endpoint: returns a response, throws UNAVAILABLE if it should be unreachable, or returns a
 * promise that never resolves if it should not answer. Request and response bodies pass through JSON.
 */
export type FakeEndpoint = (
  request: EndpointRequest,
) => EndpointResponse | Promise<EndpointResponse>;

/**
 * Fakes for the services that a service calls, by app id and method. A missing method is
 * UNIMPLEMENTED.
 */
export type Fakes<D extends Definition> = {
  readonly [A in keyof NonNullable<D['calls']>]?: (NonNullable<D['calls']>[A] extends Callee<
    infer S
  >
    ? FakesOf<S>
    : never) &
    FakesOf<typeof OperationsService>;
};

type FakesOf<S extends DescService> = {
  readonly [M in keyof S['method']]?: S['method'][M] extends DescMethodServerStreaming
    ? FakeStream<S['method'][M]>
    : Fake<UnaryOf<S>[M]>;
};
