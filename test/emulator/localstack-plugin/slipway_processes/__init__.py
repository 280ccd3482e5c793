"""Runs each execution environment of a function as a process beside LocalStack, where it would ask Docker for a container.

LocalStack talks to it as it does to its own runtime in a container: it posts invocations to the process, which posts its
answers to LocalStack's endpoint. The process is SLIPWAY_FUNCTION_HOST, run by the Node of SLIPWAY_NODE.
"""

import ctypes
import os
import signal
import subprocess
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor

from localstack import config
from localstack.services.lambda_.invocation.executor_endpoint import ExecutorEndpoint
from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin
from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor
from localstack.utils.net import get_free_tcp_port

LOOPBACK = "127.0.0.1"
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL("libc.so.6")

# One thread that stays: the kernel means the death of the thread that forked, not of its process.
starter = ThreadPoolExecutor(max_workers=1)


def end_with_parent():
    """Between fork and exec: the kernel ends the process when LocalStack ends, however it ends."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class ProcessExecutor(RuntimeExecutor):
    def __init__(self, id, function_version):
        super().__init__(id, function_version)
        self.endpoint = ExecutorEndpoint(id, container_address=LOOPBACK, container_port=get_free_tcp_port())
        self.process = None
        self.log = None

    def get_address(self):
        return LOOPBACK

    def get_endpoint_from_executor(self):
        return LOOPBACK

    def get_runtime_endpoint(self):
        return f"http://{LOOPBACK}:{config.GATEWAY_LISTEN[0].port}{self.endpoint.get_endpoint_prefix()}"

    def start(self, env_vars):
        self.endpoint.start()
        settings = self.function_version.config
        folder = str(settings.code.get_unzipped_code_location())
        environment = {
            "PATH": os.environ["PATH"],
            **{name: str(value) for name, value in env_vars.items()},
            "LAMBDA_TASK_ROOT": folder,
            "SLIPWAY_FUNCTION_PORT": str(self.endpoint.container_port),
        }
        self.log = tempfile.TemporaryFile()
        self.process = starter.submit(
            subprocess.Popen,
            [
                os.environ["SLIPWAY_NODE"],
                f"--max-old-space-size={settings.memory_size}",
                os.environ["SLIPWAY_FUNCTION_HOST"],
            ],
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=subprocess.STDOUT,
            preexec_fn=end_with_parent,
        ).result()
        threading.Thread(target=self.watch, daemon=True).start()
        self.endpoint.wait_for_startup()

    def watch(self):
        """A process that dies takes its start, or the invocation that it was at, with it."""
        code = self.process.wait()
        for future in (self.endpoint.startup_future, self.endpoint.invocation_future):
            if future and not future.done():
                future.set_exception(RuntimeError(f"the function's process ended with exit code {code}"))

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        try:
            self.endpoint.shutdown()
        except Exception:
            pass

    def invoke(self, payload):
        return self.endpoint.invoke(payload)

    def get_logs(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")

    @classmethod
    def prepare_version(cls, function_version):
        if function_version.config.code:
            function_version.config.code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version):
        pass


class ProcessExecutorPlugin(RuntimeExecutorPlugin):
    name = "slipway-processes"

    def load(self, *args, **kwargs):
        from . import sts, streams

        sts.install()
        streams.install()
        return ProcessExecutor
