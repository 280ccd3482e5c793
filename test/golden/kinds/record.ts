// Asks a real kube-apiserver (1.36, on an empty store, without controllers) and writes down what it answered.
import { writeFileSync } from 'node:fs';
import { collect, pathOf, remove } from './collect.ts';
import { connect } from './peer.ts';
import { recordTables } from './record-tables.ts';

/** `kubeconfig` is a file with certificate files. */
export async function record(kubeconfig: string): Promise<void> {
  const peer = connect(kubeconfig);
  for (const [file, answers] of Object.entries(await collect(peer))) {
    const lines = Object.entries(answers).map(([name, answer]) => `${JSON.stringify(name)}: ${JSON.stringify(answer)}`);
    writeFileSync(new URL(`./answers/${file}.json`, import.meta.url), `{\n${lines.join(',\n')}\n}\n`);
  }
  await recordTables(peer, pathOf, (object) => remove(peer, object));
}
