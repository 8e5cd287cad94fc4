// @ts-check
// The health check of the image: whether the service answers.
import { readFileSync } from 'node:fs';
import { readApps } from '../../scripts/start/project.mjs';

const TIMEOUT_MS = 4_000;

// The first process of the container, whose last argument is the service.
const name = readFileSync('/proc/1/cmdline', 'utf8').split('\0').filter(Boolean).at(-1);
const port = process.env.PORT || readApps().find(({ id }) => id === name)?.port;
const response = await fetch(`http://127.0.0.1:${port}/health`, {
  signal: AbortSignal.timeout(TIMEOUT_MS),
});
process.exit(response.ok ? 0 : 1);
