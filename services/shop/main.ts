import { run } from '#kit/boot/run';
import { shop } from './service';

void run(shop);
