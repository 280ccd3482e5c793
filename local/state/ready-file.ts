import type { ControlPlaneReady } from '../config.ts';
import { readIfThere } from './spec.ts';

/** What the control plane said of itself when it began to answer; undefined while it does not (or the file is half written). */
export function readReady(file: string): ControlPlaneReady | undefined {
  const text = readIfThere(file);
  if (!text) return undefined;
  try {
    return JSON.parse(text) as ControlPlaneReady;
  } catch {
    return undefined;
  }
}
