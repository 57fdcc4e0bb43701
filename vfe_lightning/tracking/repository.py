"""The git repository that tracks a file, if one does: a folder that only lies inside of one has none."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True)
class Repository:
    """A working tree, by any folder of it."""

    folder: Path

    @classmethod
    def of(cls, file: Path | None) -> Self | None:
        """The one that tracks this file; None where none does, or there is no git."""
        if file is None or not file.is_file():
            return None
        here = cls(file.resolve().parent)
        return here if here.git("ls-files", "--error-unmatch", file.resolve().name) else None

    def git(self, *arguments: str) -> str:
        """Output of a git command; empty where it fails."""
        try:
            command = ["git", "-C", str(self.folder), *arguments]
            done = subprocess.run(command, capture_output=True, text=True, timeout=20, errors="replace")
        except (OSError, subprocess.TimeoutExpired):
            return ""
        return done.stdout.strip() if done.returncode == 0 else ""

    @property
    def root(self) -> Path:
        return Path(self.git("rev-parse", "--show-toplevel") or self.folder)

    @property
    def commit(self) -> str:
        return self.git("rev-parse", "HEAD")

    @property
    def branch(self) -> str:
        return self.git("rev-parse", "--abbrev-ref", "HEAD")

    def uncommitted(self) -> str:
        """The changes since the commit, and the names of the files that git does not know."""
        top = Repository(self.root)
        untracked = top.git("ls-files", "--others", "--exclude-standard")
        listed = "".join(f"untracked: {name}\n" for name in untracked.splitlines())
        return "\n".join(text for text in (top.git("diff", "HEAD"), listed) if text)
