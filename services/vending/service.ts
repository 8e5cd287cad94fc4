import { DeviceCommandSettled, DeviceDataReceived } from '#contracts/iot-gateway';
import { PlaceVend } from '#contracts/vending';
import { getVend, getVendStory, listVends } from './answers';
import { deviceData } from './device-data';
import { Later, goOn } from './later';
import { getMachine, listMachines, restock, setPlanogram } from './machines';
import { machineAnswered } from './machine-answered';
import { place } from './place';
import { startVend } from './start-vend';
import { vending } from './definition';
vending.serve({
  ...{ setPlanogram, getMachine, listMachines, restock },
  ...{ startVend, getVend, listVends, getVendStory },
});
vending.on(PlaceVend, place);
vending.on(DeviceCommandSettled, machineAnswered);
vending.on(DeviceDataReceived, deviceData);
vending.onJob('settle', Later, goOn);

export { vending };
