"""What a run can be repeated from: the code, the versions and the machine."""

import os
import platform
import socket
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("torch", "lightning", "mlflow", "vfe_lightning")


def git(*arguments: str) -> str:
    """Output of a git command in the folder of this package; empty where there is no repository."""
    try:
        command = ["git", "-C", str(Path(__file__).parents[2]), *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=20, errors="replace"
        ).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""


def uncommitted() -> str:
    """The changes since the commit, and the names of the files that git does not know."""
    untracked = git("ls-files", "--others", "--exclude-standard")
    listed = "".join(f"untracked: {name}\n" for name in untracked.splitlines())
    return "\n".join(text for text in (git("diff", "HEAD"), listed) if text)


def tags() -> dict[str, str]:
    """Git commit, versions, host and process, as MLflow tags."""
    return {
        "git.commit": git("rev-parse", "HEAD") or "unknown",
        "git.branch": git("rev-parse", "--abbrev-ref", "HEAD") or "unknown",
        "version.python": platform.python_version(),
        **{f"version.{name}": _version(name) for name in PACKAGES},
        **process_tags(),
    }


def process_tags() -> dict[str, str]:
    """Which process writes to a run, so that its death can be told from its silence."""
    return {"vfe.host": socket.gethostname(), "vfe.pid": f"{os.getpid()}:{_started(os.getpid())}"}


def is_gone(tags: dict[str, str]) -> bool:
    """Whether the process of these tags ran on this machine and has ended."""
    if tags.get("vfe.host") != socket.gethostname() or not Path("/proc").exists():
        return False
    pid, _, started = tags.get("vfe.pid", "0:").partition(":")
    return _started(int(pid)) != started


def _started(pid: int) -> str:
    """Start time of a process, which tells it from a later one of the same number."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return "unknown"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
