// The contract of the store port: every driver runs it (memory.test.ts, lmdb.test.ts), so that the API server never needs to
// know which one it has.
import { describe } from 'node:test';
import { changes } from './changes.ts';
import { conditions } from './conditions.ts';
import { durability, expiry } from './expiry.ts';
import { lists } from './lists.ts';
import { type MakeSubject, storyOf } from './subject.ts';

export function storeContract(name: string, make: MakeSubject): void {
  const story = storyOf(make);
  describe(`the store contract: ${name}`, () => {
    conditions(story);
    lists(story);
    changes(story);
    expiry(story, make);
    durability(story);
  });
}
