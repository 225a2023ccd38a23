"""Where tasks are done: in this process, in processes beside it, or on a cluster."""

from causalhyper.parallel.engines import EngineError, replies
from causalhyper.parallel.places import Engine, Place
from causalhyper.parallel.worker_pool import Reply

__all__ = ["Engine", "EngineError", "Place", "Reply", "replies"]
