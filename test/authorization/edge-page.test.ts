import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { inProject } from '../../scripts/start/project.mjs';
import { routes } from '../../services/gateway/routes/table';
import { nameOf } from '../../services/gateway/testing/example-requests';
import { type OwnedRoute, ownersOf } from './strangers';

test('docs/edge.md lists each route that changes something, with its owner', () => {
  const page = readFileSync(inProject('docs', 'edge.md'), 'utf8');
  const rows = [...page.matchAll(/^\| `(\w+)` +\|[^|]*\|(.*)\|$/gm)];
  const documented = rows.flatMap(([, owner = '', cell = '']) =>
    [...cell.matchAll(/`([A-Z]+ [^`]+)`/g)].map(([, name = '']) => `${name} ${owner}`),
  );
  const declared = routes
    .filter((route): route is OwnedRoute => 'owner' in route && route.method !== 'GET')
    .map((route) => `${nameOf(route)} ${ownersOf(route).join(', ')}`);
  expect(documented.sort()).toEqual(declared.sort());
});
