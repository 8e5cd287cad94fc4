import { DeviceCommandSettled, DeviceDataReceived } from '#contracts/iot-gateway';
import { PlaceVend } from '#contracts/vending';
import { vending } from './definition';
import { handleDeviceData } from './device-data';
import { setPlanogram } from './machine/planogram';
import { getMachine, listMachines } from './machine/queries';
import { restock } from './machine/restock';
import { handleDispenseResult } from './vend/dispense-result';
import { getVend, getVendStory, listVends } from './vend/queries';
import { runVend } from './vend/run-vend';
import { SettleRetry, retrySettlement } from './vend/settle-retry-job';
import { startVend } from './vend/start-vend';

vending.serve({
  setPlanogram,
  getMachine,
  listMachines,
  restock,
  startVend,
  getVend,
  listVends,
  getVendStory,
});
vending.on(PlaceVend, runVend);
vending.on(DeviceCommandSettled, handleDispenseResult);
vending.on(DeviceDataReceived, handleDeviceData);
vending.onJob('settle', SettleRetry, retrySettlement);

export { vending };
