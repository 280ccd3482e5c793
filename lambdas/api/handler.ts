// The API server behind API Gateway's REST proxy integration (binary media types */*).
import { systemClock } from '../../host/ports.ts';
import { compose } from '../host/compose.ts';
import { lambdaLog } from '../host/log.ts';
import { metered } from '../host/meter.ts';
import { responsesOf } from '../host/settings.ts';
import { streamingRuntime } from '../host/streaming.ts';
import { bufferedHandler } from './buffer.ts';
import { streamingHandler } from './stream.ts';

const parts = { compose: () => compose(), clock: systemClock, log: lambdaLog('info') };

function chosenHandler(): unknown {
  if (responsesOf(process.env) === 'buffer') return metered('api', bufferedHandler(parts), { front: 'api-gateway' });
  const runtime = streamingRuntime();
  return runtime.streamifyResponse(metered('api', streamingHandler({ ...parts, runtime }), { front: 'api-gateway' }));
}

export const handler = chosenHandler();

// While the function starts: the parameters are on their way before the first request is. What fails is tried again then.
compose().catch(() => undefined);
