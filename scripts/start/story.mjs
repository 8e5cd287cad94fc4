// @ts-check

/**
 * @typedef {{ step: string, outcome: string, at: string, ms: number }} Step
 * @typedef {{ orderId: string, steps: Step[], events: { type: string, at: string }[] }} Story
 */

/** @param {string} at */
const timeOf = (at) => at.slice(11, 23);

/**
 * Steps and events together, as they came about.
 * @param {Story} story
 * @returns {string[]} lines
 */
export const storyLines = ({ steps, events }) =>
  [
    ...steps.map(({ step, outcome, ms, at }) => ({
      at,
      text: `${step.padEnd(26)} ${outcome.padEnd(10)} ${String(ms).padStart(6)} ms`,
    })),
    ...events.map(({ type, at }) => ({ at, text: `  said ${type}` })),
  ]
    .sort((a, b) => a.at.localeCompare(b.at))
    .map(({ at, text }) => `${timeOf(at)}  ${text}`);
