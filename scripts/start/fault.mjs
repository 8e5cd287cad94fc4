// @ts-check

/** A failure that the user can mend: its message is one sentence that says what is wrong and what to do. */
export class Fault extends Error {
  /**
   * @param {string} message
   * @param {string[]} [details] lines to show below the sentence, such as the end of a log
   */
  constructor(message, details = []) {
    super(message);
    this.details = details;
  }
}

/**
 * Faults are told in their sentence, anything else with its stack.
 * @param {unknown} failure
 */
export function tell(failure) {
  if (failure instanceof Fault) {
    for (const line of failure.details) console.error(`    ${line}`);
    console.error(`✗ ${failure.message}`);
  } else {
    console.error(failure);
  }
}

/**
 * Runs a script to its end, telling what went wrong.
 * @param {() => Promise<void>} main
 */
export async function runScript(main) {
  try {
    await main();
  } catch (error) {
    tell(error);
    process.exitCode = 1;
  }
}
