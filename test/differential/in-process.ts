import type { Send } from './scenario.ts';
export async function startInProcess(): Promise<{ send: Send; stop(): Promise<void> }> { throw new Error('soon'); }
