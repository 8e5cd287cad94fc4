import {
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type DescService,
  create,
} from '@bufbuild/protobuf';
import type { Clock } from '../core/clock';
import { type CallContext } from '../core/call-context';
import { type Execution } from '../core/execution';
import { deterministicId } from '../core/deterministic-id';
import { type LazyFactory, lazyObject } from './lazy-object';
import type { Client, Definition } from '../service/definition';
import type { Sidecar } from '../transport/sidecar';

/** Milliseconds that a call may take, unless the service says otherwise; so of a request on the bus. */
export const CALL_TIMEOUT_MS = 5_000;
/** A little longer than the callee lets it last, so that it is ended and not cut off. */
const STREAM_TIMEOUT_MS = 310_000;

type Request = Record<string, unknown>;

/** The clients of a service: what can be called is looked up once for each app. */
export class RpcClients {
  readonly #known = new Map<string, Map<DescService, LazyFactory>>();

  constructor(
    private readonly sidecar: Sidecar,
    private readonly clock: Clock,
    private readonly callTimeouts: Definition['callTimeouts'],
  ) {}

  /** A client of an app, for one handling. */
  clientFor<S extends DescService>(appId: string, service: S, execution: Execution): Client<S> {
    // made of the same descriptor that the type is derived from
    return this.factoryFor(appId, service)(execution) as Client<S>;
  }

  /** Gives the clients of an app. */
  factoryFor(appId: string, service: DescService): LazyFactory {
    const ofApp = this.#known.get(appId) ?? new Map<DescService, LazyFactory>();
    this.#known.set(appId, ofApp);
    const open = ofApp.get(service) ?? this.#opener(appId, service);
    ofApp.set(service, open);
    return open;
  }

  #opener(appId: string, service: DescService): LazyFactory {
    const unary = service.methods
      .filter((method): method is DescMethodUnary => method.methodKind === 'unary')
      .map((method): [string, LazyFactory] => [method.localName, this.#unary(appId, method)]);
    const streams = service.methods
      .filter(
        (method): method is DescMethodServerStreaming => method.methodKind === 'server_streaming',
      )
      .map((method): [string, LazyFactory] => [method.localName, this.#stream(appId, method)]);
    const Client = lazyObject(Object.fromEntries([...unary, ...streams]));
    return (execution) => new Client(execution);
  }

  #unary(appId: string, method: DescMethodUnary): LazyFactory {
    const { sidecar, clock } = this;
    const atMost = this.callTimeouts?.[appId] ?? CALL_TIMEOUT_MS;
    const callee = `${appId}/${method.parent.typeName}/${method.name}`;
    const counted = `call ${callee}`;
    const causeOf = (execution: Execution): CallContext => ({
      ...execution.callContext,
      id: deterministicId(execution.callContext.id, 'call', callee, execution.effectIndex(counted)),
      deadline: clock.now() + execution.remainingMs(atMost),
    });
    return (execution) => async (request: Request) => {
      execution.assertBeforeDeadline();
      const answer = await sidecar.call({
        appId,
        method,
        request: create(method.input, request),
        callContext: causeOf(execution),
      });
      execution.published.push(...answer.published);
      return answer.response;
    };
  }

  #stream(appId: string, method: DescMethodServerStreaming): LazyFactory {
    const { sidecar, clock } = this;
    return ({ callContext }) =>
      (request: Request, signal: AbortSignal) =>
        sidecar.stream({
          ...{ appId, method, request: create(method.input, request), signal },
          callContext: { ...callContext, deadline: clock.now() + STREAM_TIMEOUT_MS },
        });
  }
}
