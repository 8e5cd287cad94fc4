// @ts-check
// npm run deadletters -- list|show|replay|discard <service> [<id>] [--json]
import { parseArgs } from 'node:util';
import { readAccounts } from './start/accounts.mjs';
import { Fault, runScript } from './start/fault.mjs';
import { call, login } from './start/gateway.mjs';
import { readApps } from './start/project.mjs';

const HELP = `npm run deadletters                              those of all services
npm run deadletters -- list <service>
npm run deadletters -- show|replay|discard <service> <id>
with --json: for scripts`;

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
        const answer = await call('GET', `${pathOf(name)}?page=${page}&limit=100`, { token });
        letters.push(...answer.items.map((/** @type {object} */ it) => ({ service: name, ...it })));
        total = answer.total;
      }
    }
    if (values.json) print(letters);
    else if (letters.length === 0) console.log('No dead letters.');
    for (const it of values.json ? [] : letters) {
      console.log(`${it.service}  ${it.id}  ${it.type}  ${it.reason}: ${it.message}`);
    }
    return;
  }
  if (!service || !id) throw new Fault(`Which one? Run:\n${HELP}`);
  if (verb === 'show') print(await call('GET', pathOf(service, id), { token }));
  else if (verb === 'replay') {
    const outcome = await call('POST', pathOf(service, id, 'replay'), { token });
    print(outcome);
    if (!outcome.succeeded) process.exitCode = 1;
  } else if (verb === 'discard') {
    await call('DELETE', pathOf(service, id), { token });
    if (!values.json) console.log('Discarded.');
  } else throw new Fault(`"${verb}" is not known. Run:\n${HELP}`);
});
