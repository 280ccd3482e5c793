// The story on LocalStack, which answers whole (responses=buffer).
import { test } from 'node:test';
import { localstackLacks, startLocalStack } from '../emulator/localstack.ts';
import { tellStory } from './story.ts';

const lacks = await localstackLacks();
if (lacks) test('a cluster on LocalStack', { skip: lacks }, () => undefined);
else
  tellStory({
    start: () => startLocalStack(),
    name: 'localstack',
    scales: false,
    hasRegistry: false,
    hasDeadLetters: true,
    hasNeighbour: false,
    hasSecondWorker: false,
    ours: true,
  });
