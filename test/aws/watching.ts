// A watch that is gone on with, again and again, as clients do: what it shows from one revision on.
import assert from 'node:assert/strict';
import { eventually } from '../e2e/cluster.ts';
import type { EmulatedCluster } from '../emulator/cluster.ts';
import { ask } from './ask.ts';

const configMaps = '/api/v1/namespaces/default/configmaps';

/** The revision of now, of config maps. */
export async function revisionOf(cluster: EmulatedCluster): Promise<string> {
  const { status, body } = await ask(cluster, configMaps);
  assert.equal(status, 200, body);
  return (JSON.parse(body) as { metadata: { resourceVersion: string } }).metadata.resourceVersion;
}

interface WatchEvent {
  type: string;
  object: { metadata: { name?: string; resourceVersion: string } };
}

export interface Seen {
  /** In the order in which they were shown. */
  names: string[];
  /** How many watches it took. */
  watches: number;
}

/** The config maps that were made since the revision, until `last` was seen. */
export async function madeSince(cluster: EmulatedCluster, from: string, last: string): Promise<Seen> {
  let revision = from;
  const names: string[] = [];
  let watches = 0;
  await eventually(
    `${last} was seen`,
    async () => {
      watches++;
      const query = `watch=1&timeoutSeconds=2&allowWatchBookmarks=true&resourceVersion=${revision}`;
      const { status, body } = await ask(cluster, `${configMaps}?${query}`);
      assert.equal(status, 200, body);
      for (const line of body.split('\n').filter((text) => text !== '')) {
        const { type, object } = JSON.parse(line) as WatchEvent;
        assert.notEqual(type, 'ERROR', line);
        revision = object.metadata.resourceVersion;
        if (type === 'ADDED' && object.metadata.name) names.push(object.metadata.name);
      }
      return names.includes(last);
    },
    300_000,
  );
  return { names, watches };
}
