"""A batch of a stream that failed is tried again as often as its mapping says, but soon: the pauses, minutes in all, only make a test wait."""

import functools

from localstack.services.lambda_.event_source_mapping.pollers import stream_poller


def install():
    stream_poller.ExponentialBackoff = functools.partial(
        stream_poller.ExponentialBackoff, initial_interval=0.02, max_interval=0.1
    )
