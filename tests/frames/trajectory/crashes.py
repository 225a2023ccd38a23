"""Disks that stop at any call, after half a write, or lose what was not synced."""

import os
from pathlib import Path

from causalhyper.frames.trajectory import disk


class Killed(BaseException):
    """The process is gone."""


class QuickOs:
    """The calls of `os`, without the wait for the disk: what a test of contents needs."""

    def __getattr__(self, name):
        return getattr(os, name)

    def fsync(self, descriptor):
        os.fstat(descriptor)


class DyingOs:
    """The calls of `os` that a store makes, until the call at which the process dies."""

    CALLS = ("pwritev", "fsync", "ftruncate", "replace", "unlink")

    def __init__(self, dies_at=None, half=False):
        self.dies_at, self.half, self.calls = dies_at, half, []

    def __getattr__(self, name):
        real = getattr(QuickOs(), name)
        if name not in self.CALLS:
            return real

        def call(*arguments):
            self.reach(name, *arguments)
            return real(*arguments)

        return call

    def reach(self, name, *arguments):
        """Count a call; die if it is the one, having written half of it where asked to."""
        self.calls.append(name)
        if self.dies_at is None or len(self.calls) <= self.dies_at:
            return
        if self.half and name == "pwritev" and len(self.calls) == self.dies_at + 1:
            descriptor, pieces, offset = arguments
            data = b"".join(bytes(piece) for piece in pieces)
            os.pwrite(descriptor, data[: len(data) // 2], offset)
        raise Killed


class LossyOs(DyingOs):
    """A disk that keeps apart what is synced and what a power cut may lose."""

    def __init__(self, dies_at=None, half=False):
        super().__init__(dies_at, half)
        self.paths, self.synced, self.loose, self.named = {}, {}, {}, set()

    def begin_with(self, folder):
        """Take what a folder holds as safely there."""
        self.synced = {path.name: path.read_bytes() for path in folder.iterdir()}
        self.named = set(self.synced)

    def open(self, path, *arguments):
        descriptor = os.open(path, *arguments)
        self.paths[descriptor] = path = Path(path)
        if path.is_file():
            self.synced.setdefault(path.name, path.read_bytes() if not self.calls else b"")
        return descriptor

    def reach(self, name, *arguments):
        super().reach(name, *arguments)
        if name == "replace":
            draft, target = (Path(each).name for each in arguments)
            assert not self.loose.get(draft), "a draft takes its place before it is synced"
            self.synced[target] = self.synced.pop(draft)
            self.named.discard(draft)
            return
        if name == "unlink":
            return
        file = self.paths[arguments[0]]
        if name == "fsync":
            if file.is_file():
                self.synced[file.name] = file.read_bytes()
                self.loose[file.name] = []
            elif (file / "journal").exists():
                self.named |= {path.name for path in file.iterdir()}
            return
        if name == "pwritev":
            data = b"".join(bytes(piece) for piece in arguments[1])
            operation = (arguments[2], data)
        else:
            operation = (arguments[1], None)
        self.loose.setdefault(file.name, []).append(operation)

    def after_power_cut(self, folder, rng):
        """Write to `folder` what may be found: of what was not synced, any part."""
        folder.mkdir()
        for name in self.named | {name for name in self.synced if rng.random() < 0.5}:
            data = bytearray(self.synced.get(name, b""))
            for offset, written in self.loose.get(name, []):
                if rng.random() < 0.5:
                    continue
                if written is None:
                    del data[offset:]
                    continue
                kept = written[: int(rng.integers(len(written) + 1))]
                data.extend(bytes(max(0, offset + len(kept) - len(data))))
                data[offset : offset + len(kept)] = kept
            (folder / name).write_bytes(data)


def on(monkeypatch, fake):
    """Let the store's calls go to a fake disk."""
    monkeypatch.setattr(disk, "os", fake)
    return fake
