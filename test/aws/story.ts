// What a team does with a cluster on AWS, in the words of docs/aws.md and README.md, and what must not happen to it, told on an
// emulator: one story for all of them.
import { after, before } from 'node:test';
import { ofBadDays } from './chapters/bad-days.ts';
import { ofChanges } from './chapters/changes.ts';
import { ofDeadLetters } from './chapters/dead-letters.ts';
import { ofDeployment } from './chapters/deployment.ts';
import { ofTheEnd } from './chapters/end.ts';
import { ofFirstPods } from './chapters/first-pods.ts';
import { ofNeighbours } from './chapters/neighbours.ts';
import { ofPeople } from './chapters/people.ts';
import { ofRollouts } from './chapters/rollouts.ts';
import { ofSeveralWorkers } from './chapters/several-workers.ts';
import { type Story, Tale } from './tale.ts';

/** Defines the tests, which follow one another. What lacks root has no worker, and says so. */
export function tellStory(story: Story): void {
  const tale = new Tale(story);
  before(async () => {
    tale.emulator = await story.start();
  });
  after(() => tale.end());
  ofDeployment(tale);
  ofFirstPods(tale);
  ofPeople(tale);
  ofRollouts(tale);
  ofSeveralWorkers(tale);
  ofBadDays(tale);
  ofChanges(tale);
  ofDeadLetters(tale);
  ofNeighbours(tale);
  ofTheEnd(tale);
}
