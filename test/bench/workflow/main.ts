import { DaprWorkflowClient, WorkflowRuntime, type WorkflowActivityContext } from '@dapr/dapr';
import { asService } from '#kit/core/caller';
import { EXECUTION_BUDGET_MS } from '#kit/runtime/execution-budget';
import type { ServiceRuntime } from '#kit/runtime/service-runtime';
import { deterministicId } from '#kit/core/deterministic-id';
import { newCallContext } from '#kit/core/call-context';
import { start } from '#kit/boot/run';
import { type ContextOf, Service } from '#kit/service/service';
import { PlaceOrder } from '#contracts/order';
import { getOrder, getStory, listOrders } from '../../../services/order/queries';
import { cancelOrder } from '../../../services/order/cancel-order';
import * as returns from '../../../services/order/handle-returns';
import { placeOrder } from '../../../services/order/place-order';
import { listPickups, updatePickup } from '../../../services/order/update-pickup';
import { type Context } from '../../../services/order/definition';
import { order } from '../../../services/order/service';
import { until } from '../../harness/until';
import { type ActivityName, activities } from './activities';
import { fulfilOrder } from './fulfil-order';
import { type Outcome, Task } from './outcome';

/** As long as the edge waits for an order. */
const WAIT_SECONDS = 30;

/** The order service, with a workflow in place of the command on the bus. */
async function main(env: NodeJS.ProcessEnv): Promise<void> {
  const sidecar = { daprHost: '127.0.0.1', daprPort: env['DAPR_GRPC_PORT'] ?? '' };
  const workflows = new DaprWorkflowClient(sidecar);

  const service = new Service('order', order.definition);
  const dispatchAndWait: Context['dispatchAndWait'] = async (contract, data, read) => {
    if (contract !== PlaceOrder) throw new Error('this order service only places orders');
    const { orderId } = PlaceOrder.data.parse(data);
    await workflows.scheduleNewWorkflow(fulfilOrder, orderId, orderId);
    await workflows.waitForWorkflowCompletion(orderId, false, WAIT_SECONDS);
    return read();
  };
  service.serve({
    placeOrder: (request, context) => {
      // the parts of a context are on its prototype
      const own = Object.create(context, {
        dispatchAndWait: { value: dispatchAndWait },
      }) as Context;
      return placeOrder(request, own);
    },
    getOrder,
    listOrders,
    getStory,
    cancelOrder,
    updatePickup,
    listPickups,
    requestReturn: returns.requestReturn,
    getReturn: returns.getReturn,
    receiveReturn: returns.receive,
    decideReturn: returns.decide,
    listReturns: returns.listReturns,
  });

  const running = await start(service, env);
  process.once('SIGTERM', () => void stop());

  const runtime = runtimeOf(sidecar, running.runtime);
  // a client that starts before its sidecar never connects
  const healthy = `http://127.0.0.1:${env['DAPR_HTTP_PORT'] ?? ''}/v1.0/healthz/outbound`;
  await until('the sidecar', async () => (await fetch(healthy)).ok, 60_000);
  await runtime.start();

  async function stop(): Promise<void> {
    await running.stop();
    await runtime.stop();
    await workflows.stop();
    process.exit(0);
  }
}

function runtimeOf(
  sidecar: { daprHost: string; daprPort: string },
  runtime: ServiceRuntime,
): WorkflowRuntime {
  const workflows = new WorkflowRuntime(sidecar);
  workflows.registerWorkflowWithName(fulfilOrder.name, fulfilOrder);
  for (const name of Object.keys(activities) as ActivityName[]) {
    workflows.registerActivityWithName(name, (context: WorkflowActivityContext, input: unknown) =>
      perform(name, context, Task.parse(input), runtime),
    );
  }
  // Beyond 10 running and 100 waiting items the SDK drops work silently, and has no option for it.
  const { worker } = workflows as unknown as { worker: { _maxConcurrentWorkItems: number } };
  worker._maxConcurrentWorkItems = 1_000;
  return workflows;
}

/** An activity with a call context that is the same when it is run again. */
async function perform(
  name: ActivityName,
  workflow: WorkflowActivityContext,
  { orderId, outcome }: Task,
  runtime: ServiceRuntime,
): Promise<Outcome> {
  const { clock } = runtime;
  const callContext = newCallContext(clock, {
    id: deterministicId('activity', workflow.getWorkflowInstanceId(), name),
    correlationId: orderId,
    caller: asService(),
    deadline: clock.now() + EXECUTION_BUDGET_MS,
  });
  // the runtime opens what the definition declares, which is the order service's
  const context = runtime.openContext(callContext) as unknown as ContextOf<typeof order>;
  return activities[name](await context.orders.getOrThrow(orderId), context, outcome);
}

void main(process.env);
