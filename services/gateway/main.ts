import { run } from '#kit/run';
import { createApp } from './app';
import { gateway } from './service';

void run(gateway, { app: createApp });
