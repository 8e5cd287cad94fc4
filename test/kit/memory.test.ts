import { type ServiceRuntime } from '#kit/runtime/service-runtime';
import type { CloudEvent } from '#kit/messages/cloud-event';
import { FakeClock } from '#kit/testing/fake-clock';
import { Testbed } from '#kit/testing/testbed';
import { type SampleBusSystem, batchesOf, runtimeOn } from './sample-system';
import { answerer, asker, echo } from './sample';
import { describeBusSemantics } from './bus-semantics';
import { describeSemantics } from './semantics';

function memoryBench(): Promise<SampleBusSystem> {
  const clock = new FakeClock();
  const order = new Testbed(asker, { clock, endpoints: { echo } });
  const inventory = new Testbed(answerer, { clock });
  const beds = [order, inventory];
  order.sidecar.peers = { inventory };
  let waiting: { runtime: ServiceRuntime; event: CloudEvent }[] = [];

  const carry = (event: CloudEvent) => {
    for (const { runtime } of beds) {
      if (!runtime.service.topics.includes(event.type)) continue;
      waiting.push({ runtime, event });
      // events that are published together arrive together
      void clock.sleep(0).then(pump);
    }
  };
  const pump = async () => {
    const batch = waiting;
    waiting = [];
    const isBatched = ({ runtime, event }: (typeof batch)[number]) =>
      runtime.service.events.get(event.type)?.batches !== undefined;
    const batched = batch.filter(isBatched);
    if (batched.length > 0) {
      const outcomes = await order.runtime.deliverAll(
        batched.map(({ event }) => event),
        String(batched[0]?.event.type),
      );
      waiting.push(...batched.filter((_, at) => outcomes[at] === 'RETRY'));
    }
    for (const delivery of batch.filter((it) => !isBatched(it))) {
      const { runtime, event } = delivery;
      // a sidecar delivers an event until it is acknowledged
      if ((await runtime.deliver(event, event.type)) === 'RETRY') waiting.push(delivery);
    }
    if (waiting.length > 0) void clock.sleep(500).then(pump);
  };
  for (const bed of beds) bed.sidecar.onPublish = carry;

  return Promise.resolve({
    order,
    inventory,
    clock,
    replica: runtimeOn(asker, order.sidecar, clock),
    batches: () => batchesOf(order.runtime),
    device: async (topic, payload) => {
      await order.runtime.handleBindingMessage('devices', {
        data: Buffer.from(payload),
        metadata: { topic },
      });
    },
    publish: (event) => order.sidecar.publish(event),
    until: async (what, holds) => {
      for (let turns = 0; turns < 200; turns++) {
        await pump();
        for (const [name, job] of order.memory.jobs) {
          order.memory.jobs.delete(name);
          await order.runtime.runJob(job.data);
        }
        for (const { runtime } of beds) await runtime.parkedEvents.tryAll();
        await clock.sleep(100);
        if (await holds()) return;
      }
      throw new Error(`never happened: ${what}`);
    },
    // calls in memory have no metadata that could be forged
    assertionOf: () => Promise.resolve('none'),
    close: () => Promise.resolve(),
  });
}

describeSemantics('in memory', memoryBench);
describeBusSemantics(memoryBench);
