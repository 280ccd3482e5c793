// Packets for services get to endpoints, on two nodes of real containers: from pods, from nodes and from the machine.
import { after, before } from 'node:test';
import { ofChanges } from './services/changing.ts';
import { ofChoosing } from './services/choosing.ts';
import { ofOutside } from './services/from-outside.ts';
import { ServicePlace } from './services/place.ts';
import { ofReaching } from './services/reaching.ts';
import { ofLoad } from './services/under-load.ts';

const place = new ServicePlace();
before(() => place.start());
after(() => place.leave());

ofReaching(place);
ofChoosing(place);
ofOutside(place);
ofChanges(place);
ofLoad(place);
