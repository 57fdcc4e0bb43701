"""Real servers for tests: PostgreSQL, MLflow and a browser; a test is skipped where one is not installed."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def postgresql() -> Iterator[str]:
    """A server of its own on a free port, with its data in a temporary folder: the URL without a database."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    found = programs[-1] if programs else shutil.which("initdb")
    if not found:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install -e '.[dev]'")
    # PostgreSQL refuses to run as root; Debian's package has made a user for it.
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    folder, port = tempfile.mkdtemp(prefix="vfe-postgres-"), free_port()
    if as_user:
        shutil.chown(folder, "postgres")
    bin, data = Path(found).parent, f"{folder}/data"

    def call(*command: str) -> None:
        subprocess.run([*as_user, *command], check=True, capture_output=True, cwd=folder, timeout=120)

    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    call(str(bin / "initdb"), "-D", data, "-A", "trust", "-U", "vfe")
    log = subprocess.DEVNULL  # pg_ctl's child would keep a pipe open
    subprocess.run(
        [*as_user, str(bin / "pg_ctl"), "-D", data, "-o", options, "-w", "-l", f"{folder}/log", "start"],
        check=True, stdout=log, stderr=log, cwd=folder, timeout=120,
    )  # fmt: skip
    try:
        yield f"postgresql+psycopg://vfe@127.0.0.1:{port}"
    finally:
        call(str(bin / "pg_ctl"), "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def mlflow_server(
    home: Path, port: int, environment: dict[str, str] | None = None
) -> Iterator[subprocess.Popen]:
    """The MLflow server on the store of `home`, which keeps the artifacts itself, as it listens."""
    command = ["-m", "mlflow", "server", "--workers", "1", "--host", "127.0.0.1", "--port", str(port)]
    stores = [
        "--backend-store-uri", f"sqlite:///{home}/mlruns/mlflow.db",
        "--artifacts-destination", str(home / "served"), "--serve-artifacts",
    ]  # fmt: skip
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    with (home / "server.log").open("a") as log:
        server = subprocess.Popen(
            [sys.executable, *command, *stores],
            env=os.environ | quiet | (environment or {}), start_new_session=True, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        end = time.monotonic() + 180
        while not answers(port):
            assert server.poll() is None and time.monotonic() < end, (home / "server.log").read_text()
            time.sleep(0.2)
        yield server
    finally:
        kill(server)


def kill(server: subprocess.Popen) -> None:
    """It and its workers, without a word."""
    if server.poll() is None:
        os.killpg(server.pid, signal.SIGKILL)
    server.wait()


@contextmanager
def browser() -> Iterator:
    """Headless Chromium, driven by Selenium."""
    webdriver = pytest.importorskip(
        "selenium.webdriver", reason="selenium is not installed: pip install -e '.[dev]'"
    )
    program = next((path for name in CHROMIUM if (path := shutil.which(name))), None)
    driver = shutil.which("chromedriver")
    if not (program and driver):
        pytest.skip("Chromium is not installed: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    with tempfile.TemporaryDirectory(prefix="vfe-chromium-") as profile:
        flags = (
            "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync",
            "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
            "--window-size=1700,1200", f"--user-data-dir={profile}",
        )  # fmt: skip
        for flag in flags:
            options.add_argument(flag)
        opened = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
        try:
            yield opened
        finally:
            opened.quit()
