import { jest } from '@jest/globals';

// Real processes need longer; jest ignores the testTimeout of a project.
jest.setTimeout(120_000);
