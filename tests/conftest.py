"""Seeds for all tests, and a store for each: MLflow's migrations run once a session, a test gets a copy."""

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")


def pytest_addoption(parser: pytest.Parser) -> None:
    shift = int(os.environ.get("VFE_SEED_SHIFT", "0"))
    parser.addoption("--seed_shift", type=int, default=shift, help="other random numbers in all tests")
    parser.addoption("--thorough", action="store_true", help="all examples of hypothesis, not a share")
    parser.addoption("--kills", type=int, default=100, help="of the campaign in tests/tracking")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Before a test is imported; hypothesis draws the same examples each time, others with another shift."""
    shift = config.getoption("seed_shift")
    os.environ["VFE_SEED_SHIFT"] = str(shift)
    if config.getoption("thorough"):
        os.environ["VFE_THOROUGH"] = "1"
    if config.option.hypothesis_seed is None:
        config.option.hypothesis_seed = str(shift)
    import seeds  # noqa: F401


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Numbers of no generator do not depend on which tests ran before."""
    import torch

    torch.manual_seed(0)


@pytest.fixture(scope="session")
def template_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty MLflow database; with xdist one for all workers."""
    from filelock import FileLock

    root = tmp_path_factory.getbasetemp()
    root = root.parent if os.environ.get("PYTEST_XDIST_WORKER") else root
    path = root / "template.db"
    with FileLock(f"{path}.lock"):
        if not path.exists():
            from vfe_lightning.tracking.store import connect

            building = root / "building" / "mlflow.db"
            connect(f"sqlite:///{building}")
            with contextlib.closing(sqlite3.connect(building)) as database:
                # The latest migrations still stand in the write-ahead log, which is not copied.
                database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            shutil.copy(building, path)
    return path


@pytest.fixture
def painted() -> None:
    """Asked for where figures are to be painted in this process: elsewhere they are only made."""


@pytest.fixture
def painted_at_last(painted: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """`painted`, but for figures of single runs, which tests of the experiments paint."""
    import unpainted

    from vfe_lightning import run

    def made(*arguments: object) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("matplotlib.figure.Figure.savefig", unpainted.savefig)
            record_figures(*arguments)

    record_figures = run.record_figures
    monkeypatch.setattr(run, "record_figures", made)


@pytest.fixture
def home(
    template_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Path:
    """A project folder of the test's own, with an empty store in it."""
    if "painted" not in request.fixturenames:
        import unpainted

        monkeypatch.setattr("matplotlib.figure.Figure.savefig", unpainted.savefig)
    (tmp_path / "mlruns").mkdir()
    shutil.copy(template_store, tmp_path / "mlruns" / "mlflow.db")
    monkeypatch.setenv("VFE_HOME", str(tmp_path))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("OPTUNA_STORAGE", raising=False)
    for name in ("TOY_BREAK", "TOY_PAUSE", "TOY_GATE", "TOY_TRIALS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def client(home: Path) -> Iterator:
    """An MLflow client of the test's store."""
    from vfe_lightning.tracking.store import connect, tracking_uri

    yield connect(tracking_uri())


@pytest.fixture
def break_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Make the toy break: "nan:13:0" is a NaN at step 13 on rank 0."""
    return lambda how: monkeypatch.setenv("TOY_BREAK", how)


@pytest.fixture
def run_command(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> Callable:
    """`python -m vfe_lightning` in this process: its exit status and what it printed on both streams."""
    from vfe_lightning.__main__ import main

    def run(*argv: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["vfe_lightning", *map(str, argv)])
        capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as exit:
            code = exit.code
        return code, *capsys.readouterr()

    return run
