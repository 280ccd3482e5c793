"""Response streaming for MiniStack: a function's pieces reach the caller when they are written, through API Gateway and through
InvokeWithResponseStream. The process of a function (test/emulator/runtime/ministack.ts) writes one line for each piece.
"""

import asyncio
import base64
import contextvars
import json
import os

from ministack.core import lambda_runtime
from ministack.core.concurrency import run_reentrant
from ministack.core.responses import StreamingResponse
from ministack.services import apigateway_v1, lambda_svc

# Who wants the pieces of the invocation that this context runs.
sink = contextvars.ContextVar("sink", default=None)
SEPARATOR = b"\0" * 8
HOP_BY_HOP = {"transfer-encoding", "connection", "content-length", "keep-alive"}
PIECE = '{"status":"chunk"'

lambda_runtime._NODEJS_WORKER_SCRIPT = f"import({json.dumps('file://' + os.environ['SLIPWAY_FUNCTION_HOST'])});"


class Pieces:
    """Standard output of a function's process: takes the lines with pieces out."""

    def __init__(self, stdout, worker):
        self.stdout = stdout
        self.worker = worker

    def readline(self):
        while True:
            line = self.stdout.readline()
            if not line.startswith(PIECE):
                return line
            take = self.worker.slipway_sink
            if take:
                take(base64.b64decode(json.loads(line)["data"]))

    def __getattr__(self, name):
        return getattr(self.stdout, name)


spawn = lambda_runtime.Worker._spawn
invoke = lambda_runtime.Worker.invoke


def spawn_with_pieces(self):
    spawn(self)
    self._proc.stdout = Pieces(self._proc.stdout, self)


def invoke_with_sink(self, event, request_id):
    self.slipway_sink = sink.get()
    return invoke(self, event, request_id)


lambda_runtime.Worker._spawn = spawn_with_pieces
lambda_runtime.Worker.invoke = invoke_with_sink


class Stream:
    """The pieces of one invocation, in order, and its end."""

    def __init__(self, start):
        loop = asyncio.get_running_loop()
        self.queue = asyncio.Queue()
        self.first = []
        token = sink.set(lambda piece: loop.call_soon_threadsafe(self.queue.put_nowait, piece))
        self.task = asyncio.ensure_future(start())
        sink.reset(token)
        self.task.add_done_callback(lambda _: self.queue.put_nowait(None))

    async def next(self):
        """The next piece; None at the end."""
        return self.first.pop() if self.first else await self.queue.get()

    def push_back(self, piece):
        self.first.append(piece)

    def failed(self):
        error = self.task.exception()
        result = None if error else self.task.result()
        if isinstance(result, tuple):
            result = result[0]
        return bool(error or not result or result.get("error"))


async def until_gone(receive):
    while (await receive())["type"] != "http.disconnect":
        pass


def body_of(stream, frame, last):
    """Passes pieces on until the end, or until the client is gone. A failure leaves the body without its end, as a cut connection."""

    async def run(send, receive):
        gone = asyncio.ensure_future(until_gone(receive))
        try:
            while True:
                piece = asyncio.ensure_future(stream.next())
                await asyncio.wait({piece, gone}, return_when=asyncio.FIRST_COMPLETED)
                if gone.done():
                    piece.cancel()
                    return
                if piece.result() is None:
                    break
                if piece.result():
                    await send({"type": "http.response.body", "body": frame(piece.result()), "more_body": True})
            end = last(stream.failed())
            if end is not None:
                await send({"type": "http.response.body", "body": end, "more_body": False})
        finally:
            gone.cancel()

    return StreamingResponse(run)


proxy = apigateway_v1._invoke_lambda_proxy_v1


async def streamed_proxy(integration, *args, **options):
    if not integration.get("uri", "").endswith("/response-streaming-invocations"):
        return await proxy(integration, *args, **options)
    event = apigateway_v1._build_lambda_event_v1(
        *args,
        binary_media_types=options.get("binary_media_types"),
        authorizer_context=options.get("authorizer_context"),
    )
    function = integration["uri"].split("/functions/", 1)[1].rsplit("/", 1)[0]
    stream = Stream(
        lambda: apigateway_v1._call_lambda_raw(
            function, event, account_id=options.get("owner_account_id"), region=options.get("owner_region")
        )
    )
    read = b""
    while SEPARATOR not in read:
        piece = await stream.next()
        if piece is None:
            return 502, {"Content-Type": "application/json"}, b'{"message": "Internal server error"}'
        read += piece
    metadata, rest = read.split(SEPARATOR, 1)
    stream.push_back(rest)
    return answer(json.loads(metadata), body_of(stream, lambda piece: piece, lambda failed: None if failed else b""))


def answer(metadata, body):
    headers = {name: str(value) for name, value in (metadata.get("headers") or {}).items() if name.lower() not in HOP_BY_HOP}
    for name, values in (metadata.get("multiValueHeaders") or {}).items():
        headers[name] = list(values)
    if metadata.get("cookies"):
        headers["Set-Cookie"] = list(metadata["cookies"])
    if not headers:
        headers["Content-Type"] = "application/octet-stream"
    return int(metadata.get("statusCode", 200)), headers, body


apigateway_v1._invoke_lambda_proxy_v1 = streamed_proxy


def frame(kind, content_type, payload):
    return lambda_svc._es_encode_message(
        {":message-type": "event", ":event-type": kind, ":content-type": content_type}, payload
    )


def completion(failed):
    detail = {"ErrorCode": "Unhandled", "ErrorDetails": "the function failed"} if failed else {}
    return frame("InvokeComplete", "application/json", json.dumps(detail).encode())


async def streamed_invocation(name, event, headers, path_qualifier=None, query_params=None):
    if name not in lambda_svc._functions:
        return await lambda_svc._invoke(name, event, headers, path_qualifier, query_params)
    record = lambda_svc._functions[name]
    run = lambda_svc._execution_record_for_config(record, record["config"])
    stream = Stream(
        lambda: run_reentrant(
            lambda_svc._execute_function_with_config_scope, run, event, thread_name="slipway-response-stream"
        )
    )
    body = body_of(stream, lambda piece: frame("PayloadChunk", "application/octet-stream", piece), completion)
    return 200, {"Content-Type": "application/vnd.amazon.eventstream"}, body


lambda_svc._invoke_with_response_stream = streamed_invocation
