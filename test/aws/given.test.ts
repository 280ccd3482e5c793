// The story on an emulator that runs already, at AWS_ENDPOINT_URL; it goes on afterwards.
import { test } from 'node:test';
import { chooseEmulator } from '../emulator/choose.ts';
import { tellStory } from './story.ts';

if (process.env['AWS_ENDPOINT_URL'])
  tellStory({
    start: () => chooseEmulator({}),
    name: 'given',
    scales: false,
    hasRegistry: false,
    hasDeadLetters: false,
    hasNeighbour: false,
    hasSecondWorker: false,
    ours: false,
  });
else test('a cluster on an emulator that runs already', { skip: 'AWS_ENDPOINT_URL names none' }, () => undefined);
