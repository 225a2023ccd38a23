"""What the tests of the store share."""

import pytest

from causalhyper.frames.trajectory import disk
from tests.frames.trajectory.crashes import QuickOs


@pytest.fixture(scope="package", autouse=True)
def _quick():
    """Do not wait for the disk: some tests make thousands of stores."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(disk, "os", QuickOs())
        yield
