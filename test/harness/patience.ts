import { jest } from '@jest/globals';

// Real processes take their time; jest takes testTimeout from a project's settings for nothing.
jest.setTimeout(120_000);
