// How records of the change table's stream are read: by the driver that wrote the rows.
import { StatusError } from '../../core/api/errors.ts';
import type { Decode } from './event.ts';

export const decodeRecords: Decode = () => {
  throw new StatusError('ServiceUnavailable', 'no driver for the stream of the change table');
};
