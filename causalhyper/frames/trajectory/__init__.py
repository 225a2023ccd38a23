"""The trajectory store: the parameter changes of a run's steps, read back by column blocks.

A store is a folder: a manifest, a file of values a layer, and a journal with a line a step. Values
lie in blocks of steps and columns, so that a block of columns over all steps is a few long reads,
and a step is written row by row into its places, without waiting for a block to fill. A line of
the journal holds a step's row of the steps frame and the checksums of its values; it is written
only when these are on the disk, and it alone makes the step count.

Why a journal and not a manifest by generations: what is durable only ever grows, so nothing that
a reader may rely on is overwritten, at any moment, and a crash can hurt only the end of a file
that no line vouches for yet. A step costs one short line, where a generation would write all
checksums again. The end of a killed store looks like that of a shorter store, so that going on
needs no history of what happened, and the files of an interrupted run come out equal, byte for
byte, to those of a run that was not. The manifest is written twice: at the start, and at the end
with the number of steps, so that a journal that lost its end is noticed. A closed store has an
index too: the checksums of the journal as one short array, so that opening it parses no line. It
holds nothing that the journal does not.

docs/trajectories.md specifies the format.
"""

from causalhyper.frames.trajectory.layout import Layer
from causalhyper.frames.trajectory.opening import read_trajectory
from causalhyper.frames.trajectory.reader import Trajectory
from causalhyper.frames.trajectory.writer import TrajectoryWriter

__all__ = ["Layer", "Trajectory", "TrajectoryWriter", "read_trajectory"]
