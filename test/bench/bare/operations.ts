import type { App } from '../../harness/app';
import type { RunningSystem } from '../../harness/running-system';
import type { Recording, Steps } from './recording';

/** Counts of operations: `order: save`, `inventory: publish inventory.reserved`. */
export type Operations = ReadonlyMap<string, number>;

/** The metric of a sidecar that counts an operation, and the operation's name here. */
const COUNTERS: Readonly<Record<string, (label: (name: string) => string) => string>> = {
  dapr_component_state_count: (label) => STATE[label('operation')] ?? label('operation'),
  dapr_component_pubsub_egress_count: (label) => `publish ${label('topic')}`,
  dapr_component_pubsub_ingress_count: (label) => `hear ${label('topic')}`,
  dapr_component_output_binding_count: (label) => `send ${label('component')}`,
  dapr_runtime_service_invocation_req_sent_total: (label) => `call ${label('dst_app_id')}`,
};
const STATE: Readonly<Record<string, string>> = {
  get: 'load',
  bulk_get: 'loadMany',
  set: 'save',
  delete: 'erase',
};

/** The operations of a system's sidecars since their start. */
export async function operationsOf(system: RunningSystem): Promise<Operations> {
  const counts = new Map<string, number>();
  for (const app of system.apps) {
    for (const line of (await metricsOf(app)).split('\n')) {
      const [, name = '', labels = '', value = ''] = /^(\w+)\{(.*)\} (\S+)$/.exec(line) ?? [];
      const label = (wanted: string) =>
        new RegExp(`\\b${wanted}="([^"]*)"`).exec(labels)?.[1] ?? '';
      const what = COUNTERS[name]?.(label);
      if (what !== undefined) add(counts, `${app.id}: ${what}`, Number(value));
    }
  }
  return counts;
}

export function operationsBetween(before: Operations, after: Operations): Operations {
  const done = [...after].map(([name, count]) => [name, count - (before.get(name) ?? 0)] as const);
  return new Map(done.filter(([, count]) => count !== 0));
}

/** The operations of this number of recorded orders. */
export function operationsIn(recordings: readonly Recording[]): Operations {
  const counts = new Map<string, number>();
  for (const { edge, calls, events, requests } of recordings) {
    const handlings: [app: string, steps: Steps][] = [['gateway', edge.steps]];
    for (const { app, steps } of calls) handlings.push([app, steps]);
    for (const { topic, heard } of events) {
      for (const [app, steps] of Object.entries(heard)) {
        add(counts, `${app}: hear ${topic}`, 1);
        handlings.push([app, steps]);
      }
    }
    for (const [app, steps] of handlings) {
      for (const one of steps.flat()) {
        if (one.do === 'publish') add(counts, `${app}: publish ${events[one.event]!.topic}`, 1);
        else if (one.do === 'call') add(counts, `${app}: call ${calls[one.call]!.app}`, 1);
        else if (one.do === 'request')
          add(counts, `${app}: call ${requests[one.request]!.endpoint}`, 1);
        else if (one.do === 'send') add(counts, `${app}: send ${one.binding}`, 1);
        else if (one.do !== 'wait') add(counts, `${app}: ${one.do}`, 1);
      }
    }
  }
  return counts;
}

/** The operations with an unexpected count: `order: save 3 times, expected 2`. */
export function differences(
  seen: Operations,
  atLeast: Operations,
  atMost: Operations = atLeast,
): string[] {
  const names = new Set([...seen.keys(), ...atMost.keys()]);
  return [...names].sort().flatMap((name) => {
    const count = seen.get(name) ?? 0;
    const [least, most] = [atLeast.get(name) ?? 0, atMost.get(name) ?? 0];
    if (least <= count && count <= most) return [];
    const expected = least === most ? String(least) : `${least} to ${most}`;
    return `${name} ${count} times, expected ${expected}`;
  });
}

async function metricsOf({ id, plan }: App): Promise<string> {
  const { args } = plan.sidecar;
  const port = args[args.indexOf('--metrics-port') + 1];
  const response = await fetch(`http://127.0.0.1:${port}/metrics`);
  if (!response.ok) throw new Error(`${id}'s sidecar gave no metrics: ${response.status}`);
  return response.text();
}

function add(counts: Map<string, number>, name: string, count: number): void {
  counts.set(name, (counts.get(name) ?? 0) + count);
}
