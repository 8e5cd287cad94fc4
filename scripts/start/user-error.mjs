// @ts-check

/** A failure that the user can fix. The message is one sentence: what is wrong and what to do about it. */
export class UserError extends Error {
  /**
   * @param {string} message
   * @param {string[]} [details] lines to print above the message, such as the end of a log
   */
  constructor(message, details = []) {
    super(message);
    this.details = details;
  }
}

/**
 * Prints a failure: a UserError or a wrong command-line option as its message, anything else with its stack.
 * @param {unknown} failure
 */
export function reportError(failure) {
  if (failure instanceof UserError) {
    for (const line of failure.details) console.error(`    ${line}`);
    console.error(`✗ ${failure.message}`);
  } else if (isOptionError(failure)) {
    console.error(`✗ ${failure.message}`);
  } else {
    console.error(failure);
  }
}

/**
 * Whether parseArgs of node:util has thrown it.
 * @param {unknown} failure
 * @returns {failure is Error}
 */
const isOptionError = (failure) =>
  failure instanceof Error &&
  'code' in failure &&
  String(failure.code).startsWith('ERR_PARSE_ARGS');

/**
 * Runs a script. If it fails, prints the failure and sets exit code 1.
 * @param {() => Promise<void>} main
 */
export async function runScript(main) {
  try {
    await main();
  } catch (error) {
    reportError(error);
    process.exitCode = 1;
  }
}
