import { asService } from '../core/caller';
import { refusalOf, rethrowAsUnreadable } from '../core/errors';
import { Execution, type MadeChange } from '../core/execution';
import type { CommandResults } from '../delivery/command-results';
import { type CloudEvent, cloudEvent } from '../messages/cloud-event';
import { CommandResult } from '../messages/command-result';
import { type RequestContract, isRequest, parseEventData } from '../messages/contract';
import { replyContract, replyTopicOf, timeUntilExpiry } from '../messages/reply-topic';
import type { Context } from '../service/context';
import type { Definition } from '../service/definition';
import type { Handler } from '../service/handlers';
import type { AnyService } from '../service/service';
import { SIDECAR_TIMEOUT_MS } from '../transport/sidecar';
import type { BindingJobDispatcher } from './binding-job-dispatcher';
import { EXECUTION_BUDGET_MS, executionCallContext } from './execution-budget';
import type { RuntimeDeps } from './runtime-deps';

/** Runs the handlers of events, commands and requests, and receives replies. */
export class EventRunner {
  constructor(
    private readonly service: AnyService,
    private readonly deps: RuntimeDeps,
    private readonly results: CommandResults,
    private readonly open: (execution: Execution) => Context<Definition>,
    private readonly bindingsAndJobs: BindingJobDispatcher,
  ) {}

  /**
   * Runs the handler of an event. An event that has expired is ignored. Throws what the handler throws,
   * or an unreadable error. Also runs binding messages and jobs that are replayed from dead letters.
   *
   * `made` are the changes that earlier attempts made to documents; those of this one are added.
   */
  async run(event: CloudEvent, made: Map<string, MadeChange>): Promise<void> {
    const { clock } = this.deps;
    const expiresIn = timeUntilExpiry(event, clock);
    if (expiresIn <= 0) return;
    const callContext = executionCallContext(clock, {
      id: event.id,
      correlationId: event.correlationid === '' ? event.id : event.correlationid,
      caller: asService(event.tenantid),
      deadline: clock.now() + Math.min(expiresIn, EXECUTION_BUDGET_MS),
      ...(event.traceparent === undefined ? {} : { traceparent: event.traceparent }),
    });
    if (event.type === replyTopicOf(this.service.name)) {
      const result = rethrowAsUnreadable(() => CommandResult.parse(event.data));
      await this.results.recordReply(event.causationid, result, expiresIn);
      return;
    }
    const handler = this.service.events.get(event.type);
    if (handler === undefined) {
      await this.bindingsAndJobs.run(event.type, callContext, event.data);
      return;
    }
    const { contract } = handler;
    const data = rethrowAsUnreadable(() =>
      parseEventData(contract, event.eventversion, event.data, event.minversion),
    );
    const requestedAt = event.time === undefined ? clock.now() : Date.parse(event.time);
    const reportsRefusal = contract.kind !== 'event';
    const execution = new Execution(callContext, clock, reportsRefusal, requestedAt, made);
    const handle = () => (handler.handle as Handler)(data, this.open(execution), event);
    if (isRequest(contract)) await this.#reply(event, contract, execution, handle);
    else await handle();
  }

  /** Runs the handler of a request and publishes its result or refusal. Throws any other error. */
  async #reply(
    request: CloudEvent,
    contract: RequestContract,
    execution: Execution,
    handle: () => Promise<unknown>,
  ): Promise<void> {
    const { sidecar, metrics } = this.deps;
    let result: CommandResult;
    try {
      result = { refusal: null, answer: contract.reply.parse(await handle()) };
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal === undefined) throw error;
      result = { refusal };
    }
    const { replyto, expirytime } = request;
    if (replyto === undefined) return;
    const reply = cloudEvent(this.service.name, replyContract(replyto, request), result, execution);
    execution.assertBeforeDeadline();
    await sidecar.publish({ ...reply, expirytime }, execution.remainingMs(SIDECAR_TIMEOUT_MS));
    metrics.eventsPublished.inc({ type: reply.type });
  }
}
