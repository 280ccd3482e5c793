// How the agent's process is started, wherever that is done: flags for Node and the environment.

/**
 * glibc's malloc, so that what a rush took goes back to the system. What is freed between blocks that stay does not, and the buffers
 * of a rush are freed late, when V8 collects: a heap that lies in one piece stays as large as it ever was. Here blocks of 2 KiB
 * and more (bodies, rows, watch events, TLS records) are mapped each for itself and gone when they are freed, as long as there are
 * few enough of them (a process may have 65,530 mappings). Little is asked for ahead, where they would be put first. By itself glibc also
 * raises both thresholds as large blocks are freed, and then keeps them.
 */
export const mallocGivesBack = {
  MALLOC_TOP_PAD_: '4096',
  MALLOC_MMAP_THRESHOLD_: '2048',
  MALLOC_MMAP_MAX_: '16384',
  MALLOC_TRIM_THRESHOLD_: '131072',
} as const;

/**
 * An agent mostly waits. Its young generation is small and its heap grows by small steps; no code is optimised beyond the baseline, so
 * that the compilers take no memory; and what a rush of pods freed goes back to the system (quiet-memory.ts, and by malloc).
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
  env: { MALLOC_ARENA_MAX: '1', ...mallocGivesBack },
} as const;
