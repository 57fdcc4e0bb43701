"""Files that are there whole or not at all, whatever stops the machine, and that tell when they were damaged.

Beside each stands its SHA-256, in the format that `sha256sum -c` reads. Where that is missing, as in runs of
earlier versions, the CRC-32 of each part of the file is compared, which `torch.save` writes but
`torch.load` does not look at.
"""

import hashlib
import os
import zipfile
from pathlib import Path


def publish(unfinished: Path, path: Path) -> None:
    """Rename a file that was written beside its place; at any moment the old or the new one is there.

    The contents reach the disk before the name does, and the name before this returns. In between the new
    file may stand alone, but never beside a checksum of another one.
    """
    _to_disk(unfinished)
    checksum_of(path).unlink(missing_ok=True)
    _to_disk(path.parent)
    os.replace(unfinished, path)
    _to_disk(path.parent)
    written = checksum_of(unfinished)
    written.write_text(f"{_sha256(path)}  {path.name}\n")
    _to_disk(written)
    os.replace(written, checksum_of(path))
    _to_disk(path.parent)


def remove(path: Path) -> None:
    path.unlink()
    checksum_of(path).unlink(missing_ok=True)


def checksum_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def damage(path: Path) -> str | None:
    """In which way a file of torch is not what was written; None where nothing is wrong.

    Raises:
        OSError: it cannot be read.
    """
    checksum = checksum_of(path)
    if checksum.exists():
        known = checksum.read_text(errors="replace").partition(" ")[0]
        return None if known == _sha256(path) else f"its SHA-256 is not that in {checksum.name}"
    try:
        with zipfile.ZipFile(path) as file:
            return "its CRC-32 is wrong" if file.testzip() else None
    except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError, RuntimeError):
        return "it is cut short or no checkpoint"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _to_disk(path: Path) -> None:
    """A file, or the names in a folder, which some file systems refuse and keep by themselves."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:
        if not path.is_dir():
            raise
    finally:
        os.close(descriptor)
