import { expect, test } from '@jest/globals';
import { inProject } from '../../scripts/start/project.mjs';
import { type Profile, byPackage, selfTimes } from './profile';

const frame = (functionName: string, path = '') => ({
  functionName,
  url: path === '' ? '' : `file://${inProject(path)}`,
  lineNumber: 9,
});
const taken: Profile = {
  nodes: [
    { id: 1, callFrame: frame('(idle)') },
    { id: 2, callFrame: frame('load', 'dist/kit/documents.js') },
    { id: 3, callFrame: frame('', 'node_modules/@grpc/grpc-js/build/call.js') },
    { id: 4, callFrame: frame('save', 'dist/kit/documents.js') },
  ],
  startTime: 1_000_000,
  samples: [2, 2, 1, 3, 4, 2],
  timeDeltas: [1_000, 2_000, 9_000, 3_000, 500, 4_000],
};

test('the self time of a function is counted within the given interval only', () => {
  expect(Object.fromEntries(selfTimes(taken, 1_002_000, 1_016_000))).toEqual({
    'load dist/kit/documents.js:10': 2,
    'anonymous node_modules/@grpc/grpc-js/build/call.js:10': 3,
    'save dist/kit/documents.js:10': 0.5,
  });
});

test('the times of one package are added up', () => {
  expect(Object.fromEntries(byPackage(selfTimes(taken, 0, Infinity)))).toEqual({
    kit: 7.5,
    '@grpc/grpc-js': 3,
  });
});
