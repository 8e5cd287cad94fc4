import { run } from '#kit/boot/run';
import { createApp } from './app';
import { configOf, gateway } from './definition';

void run(gateway, {
  app: createApp,
  trustedProxies: (runtime) => configOf(runtime).TRUSTED_PROXIES,
});
