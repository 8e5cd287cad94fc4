import { Session } from 'node:inspector/promises';

// Started when this file is loaded, and never stopped: V8 counts in functions that are compiled afterwards
// only. A test therefore imports this file before what it measures.

const session = new Session();
session.connect();
const started = session
  .post('Profiler.enable')
  .then(() => session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true }));

/**
 * Counts the steps of a function: how often each block of JavaScript ran, by the coverage counters of V8.
 * They do not depend on the speed of the machine. The loops of native functions, such as the search in a
 * text, are not counted.
 */
export async function countSteps(work: () => unknown): Promise<number> {
  await started;
  // resets the counters
  await session.post('Profiler.takePreciseCoverage');
  await work();
  const { result } = await session.post('Profiler.takePreciseCoverage');
  return result
    .flatMap((script) => script.functions.flatMap(({ ranges }) => ranges))
    .reduce((sum, { count }) => sum + count, 0);
}
