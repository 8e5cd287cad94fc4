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
 * Prints a failure: a UserError as its message, anything else with its stack.
 * @param {unknown} failure
 */
export function reportError(failure) {
  if (failure instanceof UserError) {
    for (const line of failure.details) console.error(`    ${line}`);
    console.error(`✗ ${failure.message}`);
  } else {
    console.error(failure);
  }
}
