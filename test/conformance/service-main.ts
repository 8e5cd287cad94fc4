import { run } from '#kit/boot/run';
import { latecomer, watcher, worker } from './services';

// started as a process of its own, so that it can be killed
const service = [worker, watcher, latecomer].find(({ name }) => name === process.env['APP_ID']);
if (service === undefined) throw new Error(`there is no service ${String(process.env['APP_ID'])}`);
void run(service);
