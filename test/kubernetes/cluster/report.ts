/** A figure of this run, printed where it is measured: the tests say what must hold, figures say how well. */
export function figure(name: string, value: string): void {
  // jest would add the place of the call
  process.stdout.write(`    ${name}: ${value}\n`);
}

/** Measures a duration; call the result when it is over. */
export function duration(name: string): () => void {
  const begun = performance.now();
  return () => {
    figure(name, `${((performance.now() - begun) / 1000).toFixed(1)} s`);
  };
}
