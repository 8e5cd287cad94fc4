// @ts-check
import { findProgram } from '../commands.mjs';

/** The browser in which the API's page is tested. */
export const chromium = {
  name: 'Chromium',
  needs: 'chromium',
  aptPackages: ['chromium'],
  find: () => findProgram('chromium') ?? findProgram('chromium-browser'),
};
