import { Session } from 'node:inspector/promises';

/**
 * Counts the steps of a function: how often each block of JavaScript ran, by the coverage counters of V8.
 * They do not depend on the speed of the machine. The loops of native functions, such as the search in a
 * text, are not counted, nor are the calls of closures that were collected as garbage meanwhile: keep the work
 * short.
 */
export async function countSteps(work: () => unknown): Promise<number> {
  const session = new Session();
  session.connect();
  try {
    await session.post('Profiler.enable');
    await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
    await session.post('Profiler.takePreciseCoverage');
    await work();
    const { result } = await session.post('Profiler.takePreciseCoverage');
    const functions = result.flatMap((script) => script.functions);
    return functions.flatMap(({ ranges }) => ranges).reduce((sum, { count }) => sum + count, 0);
  } finally {
    await session.post('Profiler.stopPreciseCoverage');
    session.disconnect();
  }
}
