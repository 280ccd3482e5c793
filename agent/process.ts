// How the agent's process is started, wherever that is done: flags for Node and the environment.

/**
 * An agent mostly waits. Its young generation is small and its heap grows by small steps; no code is optimised beyond the baseline, so
 * that the compilers take no memory; and what a rush of pods freed goes back to the system (quiet-memory.ts; large blocks are mapped
 * each for itself; glibc by itself raises both thresholds as large blocks are freed, and then keeps them). Above 64 KiB, which libuv takes
 * for each datagram: DNS would be less than half as fast if each were mapped.
 */
export const agentProcess = {
  flags: [
    '--max-semi-space-size=1',
    '--heap-growing-percent=20',
    '--optimize-for-size',
    '--no-maglev',
    '--no-opt',
    '--single-threaded-gc',
    '--v8-pool-size=1',
    '--expose-gc',
  ],
  env: { MALLOC_ARENA_MAX: '1', MALLOC_MMAP_THRESHOLD_: '73728', MALLOC_TRIM_THRESHOLD_: '131072' },
} as const;
