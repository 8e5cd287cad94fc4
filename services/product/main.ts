import { run } from '#kit/boot/run';
import { product } from './service';

void run(product);
