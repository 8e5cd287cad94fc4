import { describeConformance } from './describe';

describeConformance('kafka');
