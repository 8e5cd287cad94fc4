// @ts-check

/**
 * @typedef {{ step: string, outcome: string, at: string, ms: number }} Step
 * @typedef {{ orderId: string, steps: Step[], events: { type: string, at: string }[] }} Story
 */

/** @param {string} at */
const timeOf = (at) => at.slice(11, 23);

/**
 * @param {Story} story
 * @returns {string[]} lines
 */
export const storyLines = ({ steps, events }) => [
  ...steps.map(
    ({ step, outcome, ms, at }) =>
      `${timeOf(at)}  ${step.padEnd(22)} ${outcome.padEnd(12)} ${String(ms ?? 0).padStart(6)} ms`,
  ),
  ...events.map(({ type, at }) => `${timeOf(at)}  said ${type}`),
];
