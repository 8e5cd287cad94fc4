// @ts-check

/**
 * @typedef {{ step: string, outcome: string, at: string, ms: number }} Step
 * @typedef {{ orderId: string, steps: Step[], events: { type: string, at: string }[] }} Story
 */

/** @param {string} at */
const timeOf = (at) => at.slice(11, 23);

/**
 * The steps of an order and its events, one line each, in the order in which they happened.
 * @param {Story} story
 * @returns {string[]}
 */
export const storyLines = ({ steps, events }) =>
  [
    ...steps.map(({ step, outcome, ms, at }) => ({
      at,
      text: `${step.padEnd(26)} ${outcome.padEnd(10)} ${String(ms).padStart(6)} ms`,
    })),
    ...events.map(({ type, at }) => ({ at, text: `  published ${type}` })),
  ]
    .sort((a, b) => a.at.localeCompare(b.at))
    .map(({ at, text }) => `${timeOf(at)}  ${text}`);
