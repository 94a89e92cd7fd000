"""A Faust transport for NATS JetStream: docs/transport.md says how to use it from any Faust app."""

from faust.transport.drivers import TRANSPORTS

from worker.transport.batch import Batch, Message
from worker.transport.driver import Transport
from worker.transport.options import Options
from worker.transport.running import serve, stop_signal
from worker.transport.source import Statistics, statistics

__all__ = ["Batch", "Message", "Options", "Statistics", "Transport", "register", "serve", "statistics", "stop_signal"]


def register() -> None:
    """Make ``nats://`` known to Faust where the distribution, and so its entry point, is not installed."""
    TRANSPORTS["nats"] = "worker.transport:Transport"
