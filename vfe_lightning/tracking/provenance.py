"""What a run can be repeated from: the program, the code, the versions and the machine."""

import getpass
import platform
import shlex
import sys
from importlib.metadata import PackageNotFoundError, version
from inspect import cleandoc
from pathlib import Path

from vfe_lightning.declarations.experiment import DeclaredExperiment
from vfe_lightning.declarations.own import name_of
from vfe_lightning.errors import masked
from vfe_lightning.tracking.origin import files_of
from vfe_lightning.tracking.process import Process
from vfe_lightning.tracking.repository import Repository

PACKAGES = ("torch", "lightning", "mlflow")
LONGEST = 500  # characters of the arguments that are kept


def source_file(declaring: str = "") -> Path | None:
    """The script or module that was started; None in a notebook or at a prompt.

    Args:
        declaring: the script, or the name of the module, that declares what another program runs.
    """
    if declaring.endswith(".py"):
        return Path(declaring).resolve()
    file = getattr(sys.modules[declaring or "__main__"], "__file__", None)
    return Path(file).resolve() if file and not in_notebook() else None


def source_name(declaring: str = "") -> str:
    """As it is started: `experiments.heg3d` of `python -m`, or the path of a script in its repository."""
    module, file = getattr(sys.modules["__main__"], "__spec__", None), source_file(declaring)
    if in_notebook() or file is None:
        return "notebook" if in_notebook() else "<console>"
    if declaring and not declaring.endswith(".py"):
        return declaring
    if module and not declaring:
        return module.name.removesuffix(".__main__")
    repository = Repository.of(file)
    return str(file.relative_to(repository.root.resolve())) if repository else str(file)


def started() -> str:
    """What `python` was started with, as it can be typed again; empty at a prompt or in a notebook."""
    module, file = getattr(sys.modules["__main__"], "__spec__", None), source_file()
    if module:
        return f"-m {module.name.removesuffix('.__main__')}"
    if file and file.is_relative_to(Path.cwd()):
        return str(file.relative_to(Path.cwd()))
    return str(file or "")


def about(experiment: DeclaredExperiment) -> str:
    """What the module of an experiment says of it, if that was started, or else what its system is."""
    source = source_name()
    own = experiment.name in (source.rpartition(".")[2], Path(source).stem)
    module = sys.modules["__main__"].__doc__ if own else None
    return module.strip() if module else cleandoc(type(experiment.system).__doc__ or "")


def in_notebook() -> bool:
    """Whether this is the kernel of a notebook, whose arguments and terminal are not the user's."""
    shell = sys.modules.get("IPython")
    return bool(shell and getattr(shell.get_ipython(), "kernel", None))


def code(experiment: DeclaredExperiment | None = None, declaring: str = "") -> tuple[dict[str, str], str]:
    """Of the repositories that track the script and the user's classes: tags, and what is not committed.

    Without such a repository there is no commit to name: the package has a tag of its own.
    """
    own, script = Repository.of(Path(__file__)), Repository.of(source_file(declaring))
    classes = [r for file in files_of(experiment) if (r := Repository.of(file))] if experiment else []
    tags = {"vfe.version": _version("vfe_lightning")}
    tags |= {"vfe.system": name_of(type(experiment.system))} if experiment else {}
    if own and (commit := own.commit):
        tags["vfe.commit"] = commit
    if script and (commit := script.commit):
        tags |= {"mlflow.source.git.commit": commit, "git.commit": commit, "git.branch": script.branch}
    if classes and (commit := classes[0].commit):
        tags["vfe.system.commit"] = commit
    changes = {r.root: r.uncommitted() for r in (script, *classes, own) if r}
    diff = "\n".join(text for text in changes.values() if text)
    return tags | {"git.dirty": str(bool(diff)).lower()}, diff


def untracked(experiment: DeclaredExperiment, declaring: str = "") -> list[Path]:
    """The script and the user's classes, where no repository has them: they are kept with the run."""
    installed = (sys.prefix, sys.base_prefix)
    sources = dict.fromkeys([*filter(None, [source_file(declaring)]), *files_of(experiment)])
    own = [file for file in sources if not any(file.is_relative_to(place) for place in installed)]
    return [file for file in own if file.is_file() and not Repository.of(file)]


def files(experiment: DeclaredExperiment, diff: str, declaring: str = "") -> dict[str, bytes]:
    """What a run needs to be repeated besides a commit: changes, and files that git does not know."""
    changes = {"uncommitted.diff": diff.encode()} if diff else {}
    return changes | {f"source/{path.name}": path.read_bytes() for path in untracked(experiment, declaring)}


def arguments(program: str = "") -> str:
    """What the program was started with, without passwords; bytes that are no text as escapes."""
    typed = masked(f"{program} {shlex.join(sys.argv[1:])}".strip())[:LONGEST] if source_file() else ""
    return typed.encode(errors="backslashreplace").decode()


def tags(declaring: str = "") -> dict[str, str]:
    """User, program, versions, host and process, under the names that MLflow's own clients use."""
    return {
        "mlflow.user": _user(),
        "mlflow.source.name": source_name(declaring),
        "mlflow.source.type": "LOCAL",
        "vfe.arguments": arguments(started() if declaring else ""),
        "version.python": platform.python_version(),
        **{f"version.{name}": _version(name) for name in PACKAGES},
        **Process.this().tags(),
    }


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container whose user has no name
        return "unknown"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
