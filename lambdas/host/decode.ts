// How records of the change table's stream are read: by the driver that wrote the rows.
import { changesOfRecords } from '../../aws/dynamo/stream.ts';
import type { Decode } from './event.ts';

export const decodeRecords: Decode = (records) => changesOfRecords(records);
