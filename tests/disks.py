"""Disks that are full or cannot be written to, as far as the system lets the tests make some."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

#: The bit of a process's capabilities that allows to mount (CAP_SYS_ADMIN)
_MAY_MOUNT = 1 << 21


def may_mount() -> bool:
    """Tell whether this process may mount a file system, which root may outside of most containers."""
    status = Path("/proc/self/status")
    if not status.is_file():
        return False
    fields = dict(line.split(":", 1) for line in status.read_text(encoding="utf-8").splitlines())
    return bool(int(fields["CapEff"], 16) & _MAY_MOUNT)


#: Root may write wherever it cannot mount
needs_read_only = pytest.mark.skipif(not may_mount() and os.geteuid() == 0, reason="root that cannot mount a disk")

needs_mount = pytest.mark.skipif(not may_mount(), reason="only root can mount a disk, see CAP_SYS_ADMIN")


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """Mount a disk in memory of that size, e.g. ``256k``."""
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def read_only(folder: Path) -> Iterator[Path]:
    """Let nobody write to a folder, nor root if this is root."""
    if not may_mount():
        mode = folder.stat().st_mode
        folder.chmod(0o500)
        try:
            yield folder
        finally:
            folder.chmod(mode)
        return
    subprocess.run(["mount", "--bind", str(folder), str(folder)], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", str(folder)], check=True)
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
