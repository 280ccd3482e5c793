// npm run differential [-- --record] [--kubeconfig-free URL TOKEN]: plays every scenario against a real kube-apiserver (built and started here)
// and against Slipway, and prints where they differ. --record keeps the real answers as golden files for `npm test`.
import { request } from 'node:https';
import { parseArgs } from 'node:util';
import { peerToken, startPeer } from '../peer/control-plane.ts';
import { compare } from './compare.ts';
import { scenarios, writeGolden } from './golden.ts';
import { startInProcess } from './in-process.ts';
import { normalize } from './normalize.ts';
import { play, type Send } from './scenario.ts';

const peerPort = 17443;
/** kube-apiserver's caches follow a write within this time. */
const settleMs = 400;
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, settleMs));
const { values: options } = parseArgs({
  options: { record: { type: 'boolean', default: false }, only: { type: 'string', default: '' } },
});

/** kube-apiserver makes up its certificate, so it is not checked; it listens on loopback only. */
const sendTo =
  (baseUrl: string): Send =>
  (path, init) =>
    new Promise((resolve, reject) => {
      // Node frames no body of a DELETE by itself.
      const length = init.body === undefined ? {} : { 'content-length': Buffer.byteLength(init.body) };
      const headers = { ...init.headers, ...length, authorization: `Bearer ${peerToken}` };
      const call = request(
        `${baseUrl}${path}`,
        { method: init.method, headers, rejectUnauthorized: false, timeout: 10_000 },
        (answer) => {
          const chunks: Buffer[] = [];
          answer.on('data', (chunk: Buffer) => chunks.push(chunk));
          answer.on('end', () => {
            const kept = new Headers();
            for (const [name, value] of Object.entries(answer.headers)) {
              for (const item of Array.isArray(value) ? value : [value ?? '']) kept.append(name, item);
            }
            resolve(new Response(Buffer.concat(chunks), { status: answer.statusCode ?? 0, headers: kept }));
          });
        },
      );
      call.on('timeout', () => call.destroy(new Error(`no answer to ${init.method} ${path}`)));
      call.on('error', reject);
      call.end(init.body);
    });

const peer = await startPeer({ port: peerPort, arguments: ['--enable-admission-plugins=NodeRestriction'] });
const slipway = options.record ? undefined : await startInProcess();
let differences = 0;
let steps = 0;
try {
  const chosen = scenarios.filter((scenario) => scenario.name.includes(options.only));
  for (const [index, scenario] of chosen.entries()) {
    const namespace = `diff-${index}`;
    const real = await play(scenario, sendTo(peer.baseUrl), namespace, settle);
    const expected = normalize(
      real.map(({ answer }) => answer),
      namespace,
    );
    steps += expected.length;
    if (!slipway) {
      writeGolden(scenario, expected);
      continue;
    }
    const played = await play(scenario, slipway.send, namespace);
    const actual = normalize(
      played.map(({ answer }) => answer),
      namespace,
    );
    for (const found of compare(scenario.name, expected, actual)) {
      differences += 1;
      console.log(
        `${found.scenario} | ${found.step} | ${found.field}\n  real    ${JSON.stringify(found.expected)}\n  slipway ${JSON.stringify(found.actual)}`,
      );
    }
  }
  console.log(
    options.record
      ? `${chosen.length} scenarios, ${steps} requests recorded`
      : `${chosen.length} scenarios, ${steps} requests, ${differences} differences`,
  );
} finally {
  await peer.stop();
  await slipway?.stop();
}
process.exit(differences === 0 ? 0 : 1);
