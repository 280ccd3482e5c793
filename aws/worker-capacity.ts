// What of an instance is a worker's to give to pods, as far as it is known before the instance is there: a worker keeps it so
// (worker/), the stack makes the disk (infra/workers.ts), and the workers' function counts with it before it starts one.

/** Addresses of the pod range that each worker works out for itself: 2 to this power (decision 7). */
export const podAddressBits = 6;

/** Addresses that pods can have: without the first (the network), the bridge's and the last (broadcast). */
export const podsPerWorker = 2 ** podAddressBits - 3;

/** Kept from pods for the system, containerd and the agent. */
export const reservedCpuMilli = 100;
export const reservedMemoryMiB = 384;

/** Room for the system, the images and the logs of some dozen pods. */
export const workerDiskGiB = 30;
