import { AdjustStock } from '#contracts/inventory';
import { DeviceDataReceived } from '#contracts/iot-gateway';
import { adjustStock, applyAdjustment, getStock } from './adjust';
import { inventory } from './definition';
import { handleDeviceData } from './device-reports';
import { commit, release, reserve } from './reserve';
import { setStock } from './set-stock';
import { takeBack } from './take-back';

inventory.serve({ getStock, adjustStock, setStock, reserve, release, commit, takeBack });

inventory.on(AdjustStock, applyAdjustment);
inventory.on(DeviceDataReceived, handleDeviceData);

export { inventory };
