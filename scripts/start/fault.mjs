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
 * Runs a script to its end: faults are told in a sentence, anything else with its stack.
 * @param {() => Promise<void>} main
 */
export async function runScript(main) {
  try {
    await main();
  } catch (error) {
    if (error instanceof Fault) {
      for (const line of error.details) console.error(`    ${line}`);
      console.error(`✗ ${error.message}`);
    } else {
      console.error(error);
    }
    process.exitCode = 1;
  }
}
