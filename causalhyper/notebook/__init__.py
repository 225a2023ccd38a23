"""What a notebook shows of a result: its title, a short table, and what it rests on."""

from causalhyper.notebook.shown import Shown
from causalhyper.notebook.text import printable

__all__ = ["Shown", "printable"]
