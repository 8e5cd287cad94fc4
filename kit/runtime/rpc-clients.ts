import {
  type DescMethod,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type DescService,
  create,
} from '@bufbuild/protobuf';
import { OperationsService } from '#proto/retail/operations/v1/operations_pb';
import type { Clock } from '../core/clock';
import { type CallContext } from '../core/call-context';
import { type Execution } from '../core/execution';
import { deterministicId } from '../core/deterministic-id';
import { type LazyFactory, lazyObject } from './lazy-object';
import type { Client, Definition } from '../service/definition';
import type { Sidecar } from '../transport/sidecar';

/** The default timeout of a call, of an endpoint and of a request over the bus, in milliseconds. */
export const CALL_TIMEOUT_MS = 5_000;
/**
 * The longest stream. Longer than MAX_STREAM_MS, so that the callee ends a stream and it is not cut
 * off.
 */
const STREAM_TIMEOUT_MS = 310_000;

type Request = Record<string, unknown>;

/** The clients of a service. The methods of each app are looked up once. */
export class RpcClients {
  readonly #factories = new Map<string, Map<DescService, LazyFactory>>();

  constructor(
    private readonly sidecar: Sidecar,
    private readonly clock: Clock,
    private readonly definition: Definition,
  ) {}

  /** The client of an app, for one execution. */
  clientFor<S extends DescService>(appId: string, service: S, execution: Execution): Client<S> {
    // built from the same descriptor that the type is derived from
    return this.factoryFor(appId, service)(execution) as Client<S>;
  }

  /** The function that creates the clients of an app. */
  factoryFor(appId: string, service: DescService): LazyFactory {
    const ofApp = this.#factories.get(appId) ?? new Map<DescService, LazyFactory>();
    this.#factories.set(appId, ofApp);
    const factory = ofApp.get(service) ?? this.#createFactory(appId, service);
    ofApp.set(service, factory);
    return factory;
  }

  #createFactory(appId: string, service: DescService): LazyFactory {
    const isDeclared = this.#isDeclared(appId, service);
    const declared = service.methods.filter(isDeclared);
    const undeclared = service.methods
      .filter((method) => !isDeclared(method))
      .map((method): [string, LazyFactory] => [method.localName, refuse(appId, method)]);
    const unary = declared
      .filter((method): method is DescMethodUnary => method.methodKind === 'unary')
      .map((method): [string, LazyFactory] => [method.localName, this.#unary(appId, method)]);
    const streams = declared
      .filter(
        (method): method is DescMethodServerStreaming => method.methodKind === 'server_streaming',
      )
      .map((method): [string, LazyFactory] => [method.localName, this.#stream(appId, method)]);
    const Client = lazyObject(Object.fromEntries([...unary, ...streams, ...undeclared]));
    return (execution) => new Client(execution);
  }

  #isDeclared(appId: string, { typeName }: DescService): (method: DescMethod) => boolean {
    const { calls = {}, operations = [] } = this.definition;
    const callee = calls[appId];
    if (callee === undefined) return () => false;
    const names: readonly string[] =
      typeName === OperationsService.typeName
        ? operations
        : typeName === callee.service.typeName
          ? callee.methods
          : [];
    return ({ localName }) => names.includes(localName);
  }

  #unary(appId: string, method: DescMethodUnary): LazyFactory {
    const { sidecar, clock } = this;
    const timeout = this.definition.callTimeouts?.[appId] ?? CALL_TIMEOUT_MS;
    const callee = `${appId}/${method.parent.typeName}/${method.name}`;
    const effect = `call ${callee}`;
    const callContextOf = (execution: Execution): CallContext => ({
      ...execution.callContext,
      id: deterministicId(execution.callContext.id, 'call', callee, execution.effectIndex(effect)),
      deadline: clock.now() + execution.remainingMs(timeout),
    });
    return (execution) => async (request: Request) => {
      execution.assertBeforeDeadline();
      const { response, published } = await sidecar.call({
        appId,
        method,
        request: create(method.input, request),
        callContext: callContextOf(execution),
      });
      execution.published.push(...published);
      return response;
    };
  }

  #stream(appId: string, method: DescMethodServerStreaming): LazyFactory {
    const { sidecar, clock } = this;
    return ({ callContext }) =>
      (request: Request, signal: AbortSignal) =>
        sidecar.stream({
          appId,
          method,
          request: create(method.input, request),
          signal,
          callContext: { ...callContext, deadline: clock.now() + STREAM_TIMEOUT_MS },
        });
  }
}

/** The callee would refuse the call too, but only where callers are checked. */
function refuse(appId: string, { parent, name }: DescMethod): LazyFactory {
  return () => () => {
    throw new Error(`the definition does not declare the call ${appId}/${parent.typeName}/${name}`);
  };
}
