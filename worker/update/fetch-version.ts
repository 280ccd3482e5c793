// Puts the bundle of a version on the disk, whole or not at all.
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { awsCredentials } from '../../aws/identity/credentials.ts';
import { fetchObject } from '../../aws/s3-object.ts';
import { bundleLocation } from '../../aws/worker-parameters.ts';
import { bundleName, type WorkerSettings } from '../settings.ts';

/** Throws an Error that says what is wrong; while a deployment is under way, the parameter may still name another version. */
export async function fetchVersion(settings: WorkerSettings, version: string, folder: string): Promise<void> {
  const { region, parameters } = settings;
  const location = await bundleLocation(region, parameters);
  if (location.version !== version) throw new Error(`the cluster's bundle is of version ${location.version} now`);
  const credentials = await awsCredentials()();
  rmSync(`${folder}.new`, { recursive: true, force: true });
  mkdirSync(`${folder}.new`, { recursive: true, mode: 0o755 });
  const endpoint = process.env['AWS_ENDPOINT_URL_S3'] ?? process.env['AWS_ENDPOINT_URL'];
  await fetchObject({ ...location, region, credentials, endpoint }, `${folder}.new/${bundleName}`);
  renameSync(`${folder}.new`, folder);
}
