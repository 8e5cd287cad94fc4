import { AdjustStock } from '#contracts/inventory';
import { DeviceDataReceived } from '#contracts/iot-gateway';
import { adjustStock, carryOut, getStock } from './adjust';
import { hearDevice } from './devices';
import { commit, release, reserve } from './reserve';
import { inventory } from './definition';
inventory.serve({ getStock, adjustStock, reserve, release, commit });
inventory.on(AdjustStock, carryOut);
inventory.on(DeviceDataReceived, hearDevice);

export { inventory };
