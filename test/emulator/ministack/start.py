"""Starts MiniStack 1.5.6 as it comes from PyPI, with what it lacks here put in at run time: functions in a host of our own that can
stream (streaming.py), answers without delays that only hide races, and the forms of requests that the CDK's command line uses.
"""

import sys
import threading
import time

from hypercorn.config import Config

make_sockets = Config.create_sockets


def sockets_without_delay(self):
    """Small pieces of a streamed answer leave at once (TCP_NODELAY is inherited by accepted sockets)."""
    import socket

    made = make_sockets(self)
    for listener in (*made.secure_sockets, *made.insecure_sockets):
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


Config.create_sockets = sockets_without_delay

import ministack.app as app  # noqa: E402
from ministack.core.lambda_runtime import Worker  # noqa: E402
from ministack.services import apigateway_v1, lambda_svc  # noqa: E402
from ministack.services.cloudformation import changesets, handlers  # noqa: E402

# A function that prints nothing would be waited for, 50 ms each time, to print something.
Worker._drain_stderr_bounded.__defaults__ = (0.0, 0.002, 0.25)


def replace_everywhere(old, new):
    """Handlers stand in tables of the package's modules as well as under their names."""
    for module in (changesets, handlers, sys.modules["ministack.services.cloudformation"]):
        for name, value in list(vars(module).items()):
            if value is old:
                setattr(module, name, new)
            if isinstance(value, dict):
                for key, entry in list(value.items()):
                    if entry is old:
                        value[key] = new


delete_change_set = changesets._delete_change_set
delete_stack = handlers._delete_stack


def delete_missing_change_set(params):
    """AWS answers success for a change set that is not there; the CDK asks for that before each deployment."""
    found, _ = changesets._find_change_set(changesets._p(params, "ChangeSetName"), changesets._p(params, "StackName"))
    return delete_change_set(params) if found else changesets._xml(200, "DeleteChangeSetResponse", "")


def delete_stack_by_arn(params):
    """The CDK names a stack by its ARN, MiniStack knows it by its name."""
    given = params.get("StackName")
    name = given[0] if isinstance(given, list) else given
    if name and name.startswith("arn:"):
        name = name.split("/")[1]
    return delete_stack({**params, "StackName": [name] if isinstance(given, list) else name})


replace_everywhere(delete_change_set, delete_missing_change_set)
replace_everywhere(delete_stack, delete_stack_by_arn)

function_of = apigateway_v1._extract_lambda_ref_from_integration_uri
apigateway_v1._extract_lambda_ref_from_integration_uri = lambda uri: function_of(uri).removesuffix(
    "/response-streaming-invocations"
)

IDLE_SECONDS = 0.02


def poll(once):
    while True:
        try:
            worked = once()
        except Exception as error:
            lambda_svc.logger.error("event source mapping: %s", error)
            worked = False
        if not worked:
            time.sleep(IDLE_SECONDS)


def poll_each():
    """Streams and queues each in a thread of their own, so that neither waits for a function that the other is running."""
    threading.Thread(target=poll, args=(lambda_svc._poll_sqs,), daemon=True).start()
    poll(lambda_svc._poll_dynamodb_streams)


lambda_svc._poll_loop = poll_each

import caller_identity  # noqa: E402, F401
import streaming  # noqa: E402, F401

app.main()
