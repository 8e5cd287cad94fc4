import type { CloudEvent } from '../messages/cloud-event';
import {
  type ReplyInput,
  type EventData,
  type RequestContract,
  isRequest,
} from '../messages/contract';
import { refusalOf } from '../core/errors';
import { deterministicId } from '../core/deterministic-id';
import type { CommandResult } from '../messages/command-result';
import type { AnyService } from '../service/service';
import { TEST_SIGNATURES } from './test-signatures';
import type { Definition } from '../service/definition';

/** Fakes for the requests that a service sends over the bus, by the name of the contract. */
export type FakeReplies<D extends Definition> = {
  readonly [C in NonNullable<D['requests']>[number] as C['name']]?: (
    data: EventData<C>,
  ) => ReplyInput<C>;
};

type AnyFake = (data: unknown) => unknown;

/**
 * The reply of a fake to an event; undefined if the event is not a request or has no fake. A refusal that
 * the fake throws is the reply.
 */
export function replyFromFake(
  event: CloudEvent,
  { definition }: AnyService,
  fakes: Readonly<Record<string, AnyFake | undefined>>,
): CloudEvent | undefined {
  const contract: RequestContract | undefined = definition.requests?.find(
    (candidate) => isRequest(candidate) && candidate.type === event.type,
  );
  const fake = contract && fakes[contract.name];
  if (contract === undefined || fake === undefined) return undefined;
  let data: CommandResult;
  try {
    data = { refusal: null, answer: contract.reply.parse(fake(contract.data.parse(event.data))) };
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal === undefined) throw error;
    data = { refusal };
  }
  const { replyto: type = '', ...rest } = event;
  const id = deterministicId('reply', event.id);
  const reply = { ...rest, id, type, source: 'test', eventversion: 1, causationid: event.id, data };
  return TEST_SIGNATURES.sign(reply);
}
