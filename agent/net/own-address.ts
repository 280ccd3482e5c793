// Addresses of services that every node answers on itself.
import { runProgram } from './run-program.ts';

/**
 * On `lo`, which every kernel has, unlike dummy links. It stays when the agent ends: a question then fails at once, and the next
 * agent finds it there. It goes with the node's network namespace, or with the instance.
 */
export const haveAddress = async (address: string): Promise<void> => {
  await runProgram('ip', ['address', 'replace', `${address}/32`, 'dev', 'lo', 'scope', 'host']);
};
