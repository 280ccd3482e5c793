// The story on MiniStack, which streams.
import { test } from 'node:test';
import { ministackLacks, startMiniStack } from '../emulator/ministack.ts';
import { tellStory } from './story.ts';

const lacks = await ministackLacks();
if (lacks) test('a cluster on MiniStack', { skip: lacks }, () => undefined);
else
  tellStory({
    start: () => startMiniStack(),
    name: 'ministack',
    scales: true,
    hasRegistry: true,
    hasDeadLetters: false,
    hasNeighbour: true,
    hasSecondWorker: true,
    ours: true,
  });
