import { run } from '#kit/run';
import { product } from './service';

void run(product);
