// The process of one execution environment under MiniStack (test/emulator/ministack): one line of JSON in for each invocation, one
// line out with its answer, and, which MiniStack's own worker lacks, a line for each piece of a streamed answer.
import { createInterface } from 'node:readline';
import { contextOf, failureOf, type Handler, isStreamed, loadHandler } from './function.ts';

interface Init {
  code_dir: string;
  module: string;
  handler: string;
  env?: Record<string, string>;
  function_name?: string;
  memory?: number;
}

interface Order {
  _request_id?: string;
  _arn?: string;
  _memory?: unknown;
  _function_name?: string;
  _x_amzn_trace_id?: string;
  [field: string]: unknown;
}

const { env } = process;
const protocol = process.stdout.write.bind(process.stdout);
// What the function prints is its log; the lines of the protocol have standard output for themselves.
process.stdout.write = process.stderr.write.bind(process.stderr) as typeof process.stdout.write;
const say = (line: object): void => void protocol(`${JSON.stringify(line)}\n`);

/** Without MiniStack's own fields. */
function eventOf(order: Order): Record<string, unknown> {
  const { _request_id, _arn, _memory, _function_name, _x_amzn_trace_id, _ministack_invoke_depth, ...event } = order;
  return event;
}

async function init({ code_dir, module, handler, env: given, function_name, memory }: Init): Promise<Handler> {
  Object.assign(env, given, { LAMBDA_TASK_ROOT: code_dir });
  if (function_name) env['AWS_LAMBDA_FUNCTION_NAME'] = function_name;
  if (memory) env['AWS_LAMBDA_FUNCTION_MEMORY_SIZE'] = String(memory);
  return (await loadHandler(code_dir, `${module}.${handler}`)) as Handler;
}

async function invoke(handler: Handler, order: Order): Promise<void> {
  const limitMs = Number(env['_LAMBDA_TIMEOUT'] ?? 30) * 1000;
  const context = contextOf({ requestId: order._request_id ?? '', functionArn: order._arn ?? '', limitMs });
  const event = eventOf(order);
  try {
    if (isStreamed(handler)) {
      await handler(event, context, (chunk) => say({ status: 'chunk', data: chunk.toString('base64') }));
      say({ status: 'ok', result: { streamed: true } });
    } else say({ status: 'ok', result: (await handler(event, context)) ?? null });
  } catch (error) {
    const { errorMessage, stackTrace } = failureOf(error);
    say({ status: 'error', error: errorMessage, trace: stackTrace.join('\n') });
  }
}

let handler: Handler | undefined;
for await (const line of createInterface({ input: process.stdin })) {
  const message = JSON.parse(line) as Init & Order;
  if (handler) {
    await invoke(handler, message);
    continue;
  }
  try {
    handler = await init(message);
    say({ status: 'ready', cold: true });
  } catch (error) {
    say({ status: 'error', error: failureOf(error).errorMessage });
  }
}
