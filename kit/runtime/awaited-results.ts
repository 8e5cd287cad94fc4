import { Code, MicroserviceError, rethrowAsUnreadable } from '../core/errors';
import type { Execution } from '../core/execution';
import { failureOf } from '../delivery/dead-letters';
import { type CloudEvent, cloudEvent } from '../messages/cloud-event';
import type { Contract, RequestContract } from '../messages/contract';
import { replyTopicOf } from '../messages/reply-topic';
import { stateKey } from '../state/document-store';
import { SIDECAR_TIMEOUT_MS } from '../transport/sidecar';
import type { SendEvent } from './publishing';
import { CALL_TIMEOUT_MS } from './rpc-clients';
import type { ContextDeps } from './runtime-deps';

/**
 * The part of the budget that is left for `onPublishFailed`, if publishing a command takes long and
 * fails.
 */
const UNDO_RESERVE_MS = 1_000;
/**
 * The part of the caller's time that is left for the answer: a caller that gets none by its deadline does not
 * learn that its command is accepted.
 */
const ANSWER_RESERVE_MS = 1_000;
/**
 * When the store is read for a result that another replica may have stored: after these pauses,
 * then every second.
 */
const POLL_PAUSES_MS = [100, 200, 400, 800];
/** The least timeout of such a read, also when less time is left. */
const MIN_READ_MS = 100;
/**
 * Ends the pause between two reads. It is not a failure, so it is created once, without a stack per
 * use.
 */
const RESULT_RECEIVED = new Error('the result was received');

/** The members of a context that publish a command or request and wait for its result. */
export function awaitedResults(deps: ContextDeps, send: SendEvent) {
  const { name, definition, clock, results, log, begunCommands } = deps;
  /** The begun commands of each execution, by type and subject. */
  const begun = new WeakMap<Execution, Map<string, CloudEvent>>();

  /** A stored result. Undefined also if the read was cut short because the caller's time runs out. */
  const readStored = async (commandId: string, remaining: number) => {
    const timeout = Math.max(MIN_READ_MS, remaining);
    try {
      return await results.storedResult(commandId, timeout);
    } catch (error) {
      const wasCutShort = timeout < SIDECAR_TIMEOUT_MS && isTimeout(error);
      if (wasCutShort) return undefined;
      throw error;
    }
  };

  /**
   * Publishes a command or request and waits for its result; undefined if the time runs out first.
   */
  const resultOf = async (
    event: CloudEvent,
    execution: Execution,
    remainingMs: (max: number) => number,
    publish = () => send(event, execution),
  ): Promise<{ answer: unknown } | undefined> => {
    const { completed, forget } = results.awaitResult(event.id);
    const pausing = new AbortController();
    try {
      await publish();
      for (let poll = 0; remainingMs(1) > 0; poll++) {
        const received = await Promise.race([
          completed.then((answer) => ({ answer })),
          clock
            .sleep(remainingMs(POLL_PAUSES_MS[poll] ?? 1_000), pausing.signal)
            .then(() => undefined),
        ]);
        const result = received ?? (await readStored(event.id, remainingMs(SIDECAR_TIMEOUT_MS)));
        if (result !== undefined) return result;
      }
      return undefined;
    } finally {
      pausing.abort(RESULT_RECEIVED);
      forget();
    }
  };

  const beginCommand =
    (execution: Execution) =>
    async (contract: Contract, data: unknown, store: string, key: string): Promise<void> => {
      const event = cloudEvent(name, contract, data, execution);
      const events = begun.get(execution) ?? new Map<string, CloudEvent>();
      begun.set(execution, events.set(commandKey(event), event));
      execution.assertBeforeDeadline();
      await begunCommands.begin(event, stateKey(store, event.tenantid, key));
    };

  const dispatchAndWait =
    (execution: Execution) =>
    async <R>(
      contract: Contract,
      data: unknown,
      read: () => Promise<R | undefined>,
      onPublishFailed?: () => Promise<void>,
    ): Promise<R | undefined> => {
      const { respondAsync } = execution.callContext;
      const subject = contract.subject(contract.data.parse(data));
      const announced = begun.get(execution)?.get(commandKey({ type: contract.type, subject }));
      const event =
        announced === undefined
          ? cloudEvent(name, contract, data, execution)
          : // its document is written by now
            { ...announced, sequence: execution.sequenceOf(subject) };
      const remainingMs = (max: number) =>
        respondAsync
          ? 0
          : Math.max(0, execution.remainingMs(max + ANSWER_RESERVE_MS) - ANSWER_RESERVE_MS);
      const publish = async () => {
        try {
          await send(event, execution, onPublishFailed === undefined ? 0 : UNDO_RESERVE_MS);
        } catch (error) {
          try {
            if (onPublishFailed !== undefined) {
              await onPublishFailed();
              begunCommands.end(event.id);
            }
          } catch (failure) {
            const fields = { type: event.type, failure: failureOf(failure, 1) };
            log.warn(fields, 'documents of a command that was not published could not be undone');
          }
          throw error;
        }
        begunCommands.end(event.id);
      };
      return (await resultOf(event, execution, remainingMs, publish)) && read();
    };

  const request =
    (execution: Execution) =>
    async (contract: RequestContract, data: unknown): Promise<unknown> => {
      const { type, reply } = contract;
      const timeout = execution.remainingMs(definition.callTimeouts?.[type] ?? CALL_TIMEOUT_MS);
      const expiresAt = clock.now() + timeout;
      const event = {
        ...cloudEvent(name, contract, data, execution),
        replyto: replyTopicOf(name),
        expirytime: new Date(expiresAt).toISOString(),
      };
      const remainingMs = (max: number) => Math.min(max, expiresAt - clock.now());
      const result = await resultOf(event, execution, remainingMs);
      if (result !== undefined) return rethrowAsUnreadable(() => reply.parse(result.answer));
      const message = `${type} was not answered in time`;
      throw new MicroserviceError(message, Code.DEADLINE_EXCEEDED, { reason: 'timeout' });
    };

  return { beginCommand, dispatchAndWait, request };
}

function commandKey({ type, subject }: { type: string; subject: string }): string {
  return JSON.stringify([type, subject]);
}

function isTimeout(error: unknown): boolean {
  return error instanceof MicroserviceError && error.code === Code.DEADLINE_EXCEEDED;
}
