import { run } from '#kit/boot/run';
import { vending } from './service';

void run(vending);
