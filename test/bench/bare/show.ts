import { record } from './record';
import type { Operation, Recording, Steps } from './recording';

/**
 * Shows the sidecar operations of one order in each service, with the bytes read and written:
 * `node --import ./scripts/typescript.mjs test/bench/bare/show.ts [orders before]`.
 */
async function show([age = '0']: string[]): Promise<void> {
  const { recordings } = await record();
  const recording = recordings.findLast((one) => one.age <= Number(age));
  if (recording === undefined) throw new Error('nothing is recorded');
  const { edge, calls, events } = recording;
  say('gateway takes an order', edge.steps, recording);
  for (const { app, path, steps } of calls) say(`${app} answers ${path}`, steps, recording);
  for (const { topic, heard } of events) {
    for (const [app, steps] of Object.entries(heard))
      say(`${app} handles ${topic}`, steps, recording);
  }
}

function say(execution: string, steps: Steps, recording: Recording): void {
  console.log(execution);
  for (const step of steps) {
    console.log(`  ${step.map((operation) => inWords(operation, recording)).join(', ')}`);
  }
}

function inWords(operation: Operation, { events, calls, requests }: Recording): string {
  switch (operation.do) {
    case 'load':
      return `load ${operation.key} (${operation.was?.length ?? 0})`;
    case 'loadMany':
      return `load ${operation.loads.map(({ key, was }) => `${key} (${was?.length ?? 0})`).join(' and ')}`;
    case 'save':
      return `save ${operation.key} (${operation.value.length})`;
    case 'erase':
      return `erase ${operation.key}`;
    case 'publish':
      return `publish ${events[operation.event]?.topic}`;
    case 'wait':
      return `wait for ${events[operation.event]?.topic}`;
    case 'call':
      return `call ${calls[operation.call]?.app} ${calls[operation.call]?.path}`;
    case 'request':
      return `ask ${requests[operation.request]?.endpoint} ${requests[operation.request]?.path}`;
    case 'send':
      return `send through ${operation.binding}`;
  }
}

void show(process.argv.slice(2));
