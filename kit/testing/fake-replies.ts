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
import type { Definition } from '../service/definition';

/** Answers to what a service asks over the bus, by the contract's name; the others never come. */
export type FakeReplies<D extends Definition> = {
  readonly [C in NonNullable<D['requests']>[number] as C['name']]?: (
    data: EventData<C>,
  ) => ReplyInput<C>;
};

type AnyAnswer = (data: unknown) => unknown;

/** The reply that a fake gives to an event, if that is a request: what it throws is a refusal. */
export function replyFromFake(
  event: CloudEvent,
  { definition }: AnyService,
  answers: Readonly<Record<string, AnyAnswer | undefined>>,
): CloudEvent | undefined {
  const asked: RequestContract | undefined = definition.requests?.find(
    (contract) => isRequest(contract) && contract.type === event.type,
  );
  const fake = asked && answers[asked.name];
  if (asked === undefined || fake === undefined) return undefined;
  let data: CommandResult;
  try {
    data = { refusal: null, answer: asked.reply.parse(fake(asked.data.parse(event.data))) };
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal === undefined) throw error;
    data = { refusal };
  }
  const { replyto: type = '', ...rest } = event;
  const id = deterministicId('reply', event.id);
  return { ...rest, id, type, source: 'test', eventversion: 1, causationid: event.id, data };
}
