// @ts-check
// npm run deadletters: lists, shows, replays or discards dead letters. See HELP.
import { parseArgs } from 'node:util';
import { readAccounts } from './start/accounts.mjs';
import { call, login } from './start/gateway.mjs';
import { readApps } from './start/project.mjs';
import { UserError, runScript } from './start/user-error.mjs';

const HELP = `npm run deadletters shows and handles dead letters: events that a service could not handle.

npm run deadletters                               list the dead letters of all services
npm run deadletters -- list <service>             list those of one service
npm run deadletters -- show <service> <id>        print a dead letter with its event
npm run deadletters -- replay <service> <id>      handle its event again
npm run deadletters -- discard <service> <id>     delete it

Options:
  --json   print JSON, for scripts
  --help   show this help`;

/** @param {string[]} parts */
const pathOf = (...parts) => ['/admin/dead-letters', ...parts.map(encodeURIComponent)].join('/');

await runScript(async () => {
  const { values, positionals } = parseArgs({
    options: { json: { type: 'boolean' }, help: { type: 'boolean' } },
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
    const letters = [];
    for (const name of services.filter((app) => app !== 'gateway')) {
      for (let page = 1, total = 1; (page - 1) * 100 < total; page += 1) {
        const list = await call('GET', `${pathOf(name)}?page=${page}&limit=100`, { token });
        letters.push(...list.items.map((/** @type {object} */ it) => ({ service: name, ...it })));
        total = list.total;
      }
    }
    if (values.json) print(letters);
    else if (letters.length === 0) console.log('No dead letters.');
    for (const it of values.json ? [] : letters) {
      console.log(`${it.service}  ${it.id}  ${it.type}  ${it.reason}: ${it.message}`);
    }
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
