// How the control plane's process gets its memory: flags for Node and the environment.
import { allocatorFile } from '../install/requirements.ts';

/**
 * jemalloc gives back what a rush took wherever it lies, without a price for what comes and goes: beside glibc with the settings below,
 * a change reaches 1,000 watchers in two thirds of the time, at the same memory (docs/bench.md). One arena, as one thread does nearly all.
 */
const jemalloc = 'background_thread:true,narenas:1,dirty_decay_ms:1000,muzzy_decay_ms:0';

/**
 * Where jemalloc is not: the memory of glibc's heap between blocks that stay does not go back to the system. So blocks above 4 KiB (rows,
 * watch events, TLS records) are mapped each for itself, as long as they are few enough (a process may have 65,530 mappings), and
 * little is asked for ahead, where they would be put first. By itself glibc also raises both thresholds as large blocks are freed,
 * and then keeps them.
 */
const glibc = {
  MALLOC_ARENA_MAX: '2',
  MALLOC_TOP_PAD_: '4096',
  MALLOC_MMAP_THRESHOLD_: '4096',
  MALLOC_MMAP_MAX_: '16384',
  MALLOC_TRIM_THRESHOLD_: '131072',
};

/**
 * A small young generation: tens of megabytes less. What a rush left is collected once it is over (quiet-memory.ts); collecting more
 * often during it would cost each request about a fifth more time.
 */
const flags = ['--max-semi-space-size=4', '--expose-gc'];

/** `env`: what comes on top of `environment`, whose own preloaded libraries stay. `library`: jemalloc; '' where it is not. */
export function controlPlaneHeap(
  environment: NodeJS.ProcessEnv = process.env,
  library = allocatorFile() ?? '',
): { flags: readonly string[]; env: Record<string, string> } {
  if (!library) return { flags, env: glibc };
  const others = environment['LD_PRELOAD'];
  return { flags, env: { LD_PRELOAD: others ? `${library}:${others}` : library, MALLOC_CONF: jemalloc } };
}
