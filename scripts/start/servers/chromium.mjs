// @ts-check
import { findProgram } from '../commands.mjs';

/** The browser for the tests of the API documentation page. */
export const chromium = {
  name: 'Chromium',
  needs: 'chromium',
  aptPackages: ['chromium'],
  find: () => findProgram('chromium') ?? findProgram('chromium-browser'),
};
