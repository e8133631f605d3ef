"""fsync, create-once, entry age, file-system type."""

from __future__ import annotations

import contextlib
import os
import re
import uuid
from pathlib import Path

NETWORKED = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "beegfs", "ceph", "gfs2", "glusterfs", "gpfs", "lustre"}
    | {"ocfs2", "fuse.ceph", "fuse.davfs", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs"}
)
"""File systems on which SQLite's write-ahead log and file locks do not hold."""


def made_once(path: Path, content: str) -> str:
    """The content of a file that whichever process comes first makes, complete, for this user alone."""
    if not path.exists():
        new = path.with_name(f"{path.name}.{uuid.uuid4()}")
        new.touch(mode=0o600)
        new.write_text(content)
        with contextlib.suppress(FileExistsError):
            os.link(new, path)
        new.unlink()
    return path.read_text()


def sync(path: Path) -> None:
    """Return when a file, or which names a directory has, is on the disk."""
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def old_entries(folder: Path, older_than: float) -> list[os.DirEntry[str]]:
    """What lies in a directory and has not changed since *older_than* [s since 1970]."""
    with os.scandir(folder) as entries:
        return [each for each in entries if each.stat(follow_symlinks=False).st_mtime < older_than]


def file_system(path: Path) -> str:
    """The kind of file system a path lies on, such as ``ext4``."""
    kind, longest = "", -1
    real = path.resolve()
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        mount = Path(re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), before.split()[4]))
        # the last of several mounts at one place is the one that is seen
        if len(mount.parts) >= longest and real.is_relative_to(mount):
            kind, longest = after.split()[0], len(mount.parts)
    return kind
