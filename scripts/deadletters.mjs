// @ts-check
// npm run deadletters: lists, shows, replays or discards dead letters. See HELP.
import { parseArgs } from 'node:util';
import { readAccounts } from './start/accounts.mjs';
import { call, login } from './start/gateway.mjs';
import { readApps } from './start/project.mjs';
import { UserError, runScript } from './start/user-error.mjs';

const HELP = `npm run deadletters shows the events that a service could not handle:
- waiting: parked until a dependency is available again. The service then handles them; do nothing.
- dead letters: they need a person, who mends the cause and replays them, or discards them.

npm run deadletters                               list both, of all services
npm run deadletters -- list <service>             list both, of one service
npm run deadletters -- show <service> <id>        print a dead letter with its event
npm run deadletters -- replay <service> <id>      handle its event again
npm run deadletters -- replay <service> --all     handle all events again, in order of each subject
npm run deadletters -- discard <service> <id>     delete it

Options:
  --reason <reason>   with --all: only dead letters with this reason, such as unavailable
  --type <type>       with --all: only dead letters of this event type
  --json              print JSON, for scripts: {waiting, deadLetters}
  --help              show this help`;

/** @param {string[]} parts */
const pathOf = (...parts) => ['/admin/dead-letters', ...parts.map(encodeURIComponent)].join('/');

await runScript(async () => {
  const { values, positionals } = parseArgs({
    options: {
      all: { type: 'boolean' },
      reason: { type: 'string' },
      type: { type: 'string' },
      json: { type: 'boolean' },
      help: { type: 'boolean' },
    },
    allowPositionals: true,
  });
  const [verb = 'list', service, id] = positionals;
  if (values.help) {
    console.log(HELP);
    return;
  }
  const token = await login(readAccounts().admin);
  const print = (/** @type {unknown} */ data) => console.log(JSON.stringify(data, null, 2));

  if (verb === 'list') {
    const services = service ? [service] : readApps().map((app) => app.id);
    /** @type {any[]} */
    const waiting = [];
    /** @type {any[]} */
    const deadLetters = [];
    for (const name of services.filter((app) => app !== 'gateway')) {
      const parked = await call('GET', `/admin/parked-events/${encodeURIComponent(name)}`, {
        token,
      });
      waiting.push(...parked.items.map((/** @type {object} */ it) => ({ service: name, ...it })));
      for (let page = 1, total = 1; (page - 1) * 100 < total; page += 1) {
        const list = await call('GET', `${pathOf(name)}?page=${page}&limit=100`, { token });
        deadLetters.push(
          ...list.items.map((/** @type {object} */ it) => ({ service: name, ...it })),
        );
        total = list.total;
      }
    }
    if (values.json) {
      print({ waiting, deadLetters });
      return;
    }
    if (waiting.length > 0) console.log('Waiting for a dependency, nothing to do:');
    for (const it of waiting) {
      const failure = it.reason === '' ? '' : `, ${it.reason}: ${it.message}`;
      const events = it.events === 1 ? '1 event waits' : `${it.events} events wait`;
      console.log(`${it.service}  ${events} for ${it.dependency} since ${it.since}${failure}`);
    }
    console.log(
      deadLetters.length === 0 ? 'No dead letters.' : 'Dead letters, to replay or discard:',
    );
    for (const it of deadLetters) {
      console.log(`${it.service}  ${it.id}  ${it.type}  ${it.reason}: ${it.message}`);
    }
    return;
  }
  if (verb === 'replay' && service && values.all) {
    const { reason, type } = values;
    let replayed = 0;
    for (let skip = 0, more = true; more;) {
      const path = `/admin/dead-letter-replays/${encodeURIComponent(service)}`;
      const result = await call('POST', path, { token, body: { reason, type, skip } });
      replayed += result.replayed;
      ({ skip, more } = result);
    }
    if (values.json) print({ replayed });
    else console.log(`${replayed} events are handled again.`);
    return;
  }
  if (!service || !id) throw new UserError(`Name a service and the id of a dead letter:\n${HELP}`);
  if (verb === 'show') print(await call('GET', pathOf(service, id), { token }));
  else if (verb === 'replay') {
    const result = await call('POST', pathOf(service, id, 'replay'), { token });
    print(result);
    if (!result.succeeded) process.exitCode = 1;
  } else if (verb === 'discard') {
    await call('DELETE', pathOf(service, id), { token });
    if (!values.json) console.log('Discarded.');
  } else throw new UserError(`There is no command "${verb}":\n${HELP}`);
});
