import { run } from '#kit/boot/run';
import { iotGateway } from './service';

void run(iotGateway);
