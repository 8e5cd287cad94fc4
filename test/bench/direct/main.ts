import { startDirect } from './system';

void startDirect(process.env);
