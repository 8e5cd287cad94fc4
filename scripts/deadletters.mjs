// @ts-check
import { readAccounts } from './start/accounts.mjs';
import { UsageError, flag, json, runCommand, text } from './start/command-line.mjs';
import { call, withSession } from './start/gateway.mjs';
import { readApps } from './start/project.mjs';
import { UserError } from './start/user-error.mjs';

const COMMAND = {
  about: `npm run deadletters shows the events that a service could not handle:
- waiting: parked until a dependency is available again. The service then handles them; do nothing.
- dead letters: they need a person, who mends the cause and replays them, or discards them.`,
  usage: `npm run deadletters                               list both, of all services
npm run deadletters -- list <service>             list both, of one service
npm run deadletters -- show <service> <id>        print a dead letter with its event
npm run deadletters -- replay <service> <id>      handle its event again
npm run deadletters -- replay <service> --all     handle all events again, in order of each subject
npm run deadletters -- discard <service> <id>     delete it`,
  positionals: { name: 'command' },
  options: {
    all: flag('replay all dead letters of the service'),
    reason: text('with --all: only dead letters with this reason, such as unavailable', 'reason'),
    type: text('with --all: only dead letters of this event type', 'type'),
    json,
  },
  failsIf: 'the system does not run, a service does not respond, or a replay failed',
  notes: `--json prints a list as {waiting, deadLetters}.

Environment variables:
  GATEWAY_URL                  the gateway (default: the one of npm start)
  ADMIN_EMAIL, ADMIN_PASSWORD  the first admin (default: the one of npm start)`,
};

/** The services that subscribe to events: all but the gateway, and the simulators that no sidecar calls. */
const SERVICES = readApps()
  .filter(({ id, appPort }) => id !== 'gateway' && appPort > 0)
  .map(({ id }) => id);

/** @param {string[]} parts */
const pathOf = (...parts) => ['/admin/dead-letters', ...parts.map(encodeURIComponent)].join('/');

/** @param {unknown} data */
const print = (data) => console.log(JSON.stringify(data, null, 2));

runCommand(COMMAND, async ({ options, positionals }) => {
  const [verb = 'list', service, id, ...others] = positionals;
  const { all, reason, type } = options;
  if (!['list', 'show', 'replay', 'discard'].includes(verb)) {
    throw new UsageError(`There is no command "${verb}": choose from list, show, replay, discard`);
  }
  if (service !== undefined && !SERVICES.includes(service)) {
    throw new UsageError(`There is no service "${service}": choose from ${SERVICES.join(', ')}`);
  }
  if ((all && verb !== 'replay') || (!all && (reason ?? type) !== undefined)) {
    throw new UsageError('--all is for replay, and --reason and --type are for --all. See --help.');
  }
  if (verb === 'list') {
    if (id !== undefined) {
      throw new UsageError('Name one service or none: npm run deadletters -- list [<service>]');
    }
    const services = service === undefined ? SERVICES : [service];
    return withSession(readAccounts().admin, (token) => list(services, token, options.json));
  }
  if (all) {
    if (!service || id !== undefined) {
      throw new UsageError('Name one service: npm run deadletters -- replay <service> --all');
    }
    const replayed = await withSession(readAccounts().admin, (token) =>
      replayAll(token, service, { reason, type }),
    );
    if (options.json) print({ replayed });
    else console.log(`${replayed} events are handled again.`);
    return 0;
  }
  if (!service || !id || others.length > 0) {
    throw new UsageError(
      `Name a service and the id of a dead letter: npm run deadletters -- ${verb} <service> <id>`,
    );
  }
  const path = pathOf(service, id);
  return withSession(readAccounts().admin, async (token) => {
    if (verb === 'show') print(await call('GET', path, { token }));
    else if (verb === 'replay') {
      const result = await call('POST', `${path}/replay`, { token });
      print(result);
      if (!result.succeeded) return 1;
    } else {
      await call('DELETE', path, { token });
      if (options.json) print({ discarded: id });
      else console.log('Discarded.');
    }
    return 0;
  });
});

/**
 * Handles the events of all dead letters of a service again, or of those with this reason and type.
 * @param {string} token
 * @param {string} service
 * @param {{ reason: string | undefined, type: string | undefined }} which
 * @returns {Promise<number>} how many
 */
async function replayAll(token, service, which) {
  const path = `/admin/dead-letter-replays/${encodeURIComponent(service)}`;
  let replayed = 0;
  for (let skip = 0, more = true; more;) {
    const result = await call('POST', path, { token, body: { ...which, skip } });
    replayed += result.replayed;
    ({ skip, more } = result);
  }
  return replayed;
}

/**
 * Lists the waiting events and dead letters of services. A service that does not respond is named, and those of
 * the others are listed.
 * @param {readonly string[]} services
 * @param {string} token
 * @param {boolean} asJson
 */
async function list(services, token, asJson) {
  /** @type {any[]} */
  const waiting = [];
  /** @type {any[]} */
  const deadLetters = [];
  let failed = 0;
  for (const service of services) {
    const ofService = (/** @type {object} */ it) => ({ service, ...it });
    try {
      const path = `/admin/parked-events/${encodeURIComponent(service)}`;
      waiting.push(...(await call('GET', path, { token })).items.map(ofService));
      for (let page = 1, total = 1; (page - 1) * 100 < total; page += 1) {
        const found = await call('GET', `${pathOf(service)}?page=${page}&limit=100`, { token });
        deadLetters.push(...found.items.map(ofService));
        total = found.total;
      }
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      failed += 1;
      console.error(`✗ ${service}: ${error.message}`);
    }
  }
  if (asJson) {
    print({ waiting, deadLetters });
    return failed === 0 ? 0 : 1;
  }
  if (waiting.length > 0) console.log('Waiting for a dependency, nothing to do:');
  for (const it of waiting) {
    const failure = it.reason === '' ? '' : `, ${it.reason}: ${it.message}`;
    const events = it.events === 1 ? '1 event waits' : `${it.events} events wait`;
    console.log(`${it.service}  ${events} for ${it.dependency} since ${it.since}${failure}`);
  }
  if (deadLetters.length > 0) console.log('Dead letters, to replay or discard:');
  else if (failed === 0) console.log('No dead letters.');
  for (const it of deadLetters) {
    console.log(`${it.service}  ${it.id}  ${it.type}  ${it.reason}: ${it.message}`);
  }
  return failed === 0 ? 0 : 1;
}
