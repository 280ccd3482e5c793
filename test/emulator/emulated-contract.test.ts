// A part of the store contract on the emulators of AWS that the app is deployed to: conditions and changes. DynamoDB Local, which
// is the faithful one, runs all of it (test/contract/dynamodb.test.ts).
import { after, before, describe, test } from 'node:test';
import { changes } from '../contract/changes.ts';
import { conditions } from '../contract/conditions.ts';
import { storyOf } from '../contract/subject.ts';
import { dynamoSubject } from './dynamo-subject.ts';
import { type Emulator, region } from './emulator.ts';
import { localstackLacks, startLocalStack } from './localstack.ts';
import { ministackLacks, startMiniStack } from './ministack.ts';

const emulators = {
  LocalStack: { lacks: await localstackLacks(), start: () => startLocalStack() },
  MiniStack: { lacks: await ministackLacks(), start: () => startMiniStack() },
};

for (const [name, { lacks, start }] of Object.entries(emulators)) {
  if (lacks) test(`the store contract, in part: ${name}`, { skip: lacks }, () => undefined);
  else {
    describe(`the store contract, in part: ${name}`, () => {
      let emulator: Emulator;
      before(async () => {
        emulator = await start();
      });
      after(() => emulator?.stop());
      const make = dynamoSubject(() => ({
        endpoint: emulator.endpoint,
        region,
        credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      }));
      const story = storyOf(make);
      conditions(story);
      changes(story);
    });
  }
}
