import { run } from '#kit/boot/run';
import { inventory } from './service';

void run(inventory);
