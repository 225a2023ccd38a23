"""What a worker process does: read a task, do it, answer; end when the parent ends.

This file is run by its path (``python -P child.py``), so that a worker imports nothing of the
package that its task does not need. A message is eight bytes of length and a pickle; the first
one is ``(sys.path, keywords)``, each further one ``(function, arguments)``.
"""

from __future__ import annotations

import os
import pickle
import queue
import signal
import struct
import sys
import threading
import time
import traceback
from typing import IO

LENGTH = struct.Struct(">Q")


def send(stream: IO[bytes], data: bytes) -> None:
    r"""Write one message.

    Parameters
    ----------
    stream : binary file
        Where to.
    data : bytes
        The message.

    Examples
    --------
    >>> from io import BytesIO
    >>> stream = BytesIO()
    >>> send(stream, b"hello")
    >>> stream.getvalue()
    b'\x00\x00\x00\x00\x00\x00\x00\x05hello'
    """
    stream.write(LENGTH.pack(len(data)))
    stream.write(data)
    stream.flush()


def receive(stream: IO[bytes]) -> bytes:
    r"""Read one message.

    Parameters
    ----------
    stream : binary file
        Where from.

    Returns
    -------
    bytes
        The message.

    Raises
    ------
    EOFError
        If the other end is gone.

    Examples
    --------
    >>> from io import BytesIO
    >>> receive(BytesIO(b"\x00\x00\x00\x00\x00\x00\x00\x05hello"))
    b'hello'
    """
    return _exactly(stream, LENGTH.unpack(_exactly(stream, LENGTH.size))[0])


def _exactly(stream: IO[bytes], count: int) -> bytes:
    data = stream.read(count)
    if data is None or len(data) < count:
        raise EOFError("the other process is gone")
    return data


def answer(task: bytes, keywords: dict[str, object]) -> bytes:
    """Do a task.

    Parameters
    ----------
    task : bytes
        A pickle of (function, arguments).
    keywords : dict
        Passed to the function.

    Returns
    -------
    bytes
        A pickle of ``{"value", "seconds"}``, or of ``{"error", "trace"}`` where the function
        raised or its value cannot be sent.

    Examples
    --------
    >>> pickle.loads(answer(pickle.dumps((divmod, (7, 2))), {}))["value"]
    (3, 1)
    >>> pickle.loads(answer(pickle.dumps((divmod, (7, 0))), {}))["error"]
    'ZeroDivisionError: integer division or modulo by zero'
    """
    try:
        function, arguments = pickle.loads(task)
        began = time.perf_counter()
        value = function(*arguments, **keywords)
        return pickle.dumps({"value": value, "seconds": time.perf_counter() - began})
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
        return pickle.dumps({"error": text, "trace": traceback.format_exc()})


def main() -> None:
    """Answer until the parent closes its end, or is gone, and then end at once.

    An interrupt from the keyboard reaches the whole group of processes: the parent answers it.
    What a task prints goes to the error stream.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    tasks, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    sys.path[:], keywords = pickle.loads(receive(tasks))
    waiting: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(tasks, waiting), daemon=True).start()
    while True:
        send(answers, answer(waiting.get(), keywords))


def _listen(tasks: IO[bytes], waiting: queue.SimpleQueue[bytes]) -> None:
    """Pass tasks on; end this process when the parent is gone, however that ended."""
    try:
        while True:
            waiting.put(receive(tasks))
    except (EOFError, OSError):
        os._exit(1)


if __name__ == "__main__":
    main()
