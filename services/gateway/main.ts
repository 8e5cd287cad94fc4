import { run } from '#kit/boot/run';
import { createApp } from './app';
import { gateway } from './definition';

void run(gateway, { app: createApp });
