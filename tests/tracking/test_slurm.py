"""The batch script of the page, on stubs of srun and scontrol, killed and requeued at random moments."""

import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from processes import history
from seeds import MOVED
from services import free_port
from test_campaign import BUDGET, ranks

from vfe_lightning.tracking.keys import KEY

pytestmark = pytest.mark.slow
PAGE = Path(__file__).parents[2] / "vfe_lightning" / "tracking" / "README.md"
SRUN = """#!/bin/sh
export SLURM_NTASKS=2 SLURM_NTASKS_PER_NODE=2 SLURM_NNODES=1 SLURM_NODEID=0 SLURM_NODELIST=localhost
SLURM_PROCID=1 SLURM_LOCALID=1 "$@" & other=$!
SLURM_PROCID=0 SLURM_LOCALID=0 "$@"; code=$?
wait $other; second=$?
[ $second -gt $code ] && code=$second
exit $code
"""
KILLS = 6


def script(home: Path) -> None:
    """That of the page, for the toy on two processes."""
    [text] = re.findall(r"```sh\n(#SBATCH.*?)```", PAGE.read_text(), re.DOTALL)
    budget = f"{BUDGET} --trainer.progress_bar false"
    for old, new in {
        "python -m experiments.heg2d": f"{sys.executable} -m toy {budget}",
        "--trainer.accelerator gpu --trainer.devices 4 --trainer.num_nodes 2": "--trainer.devices 2",
    }.items():
        assert old in text
        text = text.replace(old, new)
    for name, content in {
        "srun": SRUN,
        "scontrol": f'#!/bin/sh\necho "$@" >> {home}/requeued\n',
        "job": f"#!/bin/bash\n{text}",
    }.items():
        (home / name).write_text(content)
        (home / name).chmod(0o755)


def submit(home: Path) -> subprocess.Popen:
    tests = Path(__file__).parents[1]
    environment = os.environ | {
        "PATH": f"{home}:{os.environ['PATH']}", "PYTHONPATH": f"{tests}:{tests.parent}",
        "VFE_HOME": str(home), "SLURM_JOB_ID": "4242", "SLURM_JOB_NAME": "job", "TOY_PAUSE": "0.05",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(free_port()),
    }  # fmt: skip
    with (home / "log").open("a") as log:
        return subprocess.Popen(
            [home / "job"], env=environment, start_new_session=True, stdout=log, stderr=log
        )


def test_a_job_is_killed_and_requeued_until_it_is_done(client, home):
    dice = random.Random(MOVED)
    script(home)
    line = f"-m toy {BUDGET} --trainer.progress_bar false --trainer.devices 2 --run_key whole".split()
    tests = Path(__file__).parents[1]
    environment = os.environ | {"PYTHONPATH": f"{tests}:{tests.parent}", "VFE_HOME": str(home)}
    assert subprocess.run([sys.executable, *line], env=environment, capture_output=True).returncode == 0
    kills = terms = 0
    while True:
        process = submit(home)
        try:
            process.wait(dice.uniform(1, 20) if kills < KILLS else 240)
        except subprocess.TimeoutExpired:
            kills += 1
            everyone, signum = ranks(process.pid), dice.choice([signal.SIGKILL, signal.SIGTERM])
            tasks = [
                p for p in everyone if b"toy" in Path(f"/proc/{p}/cmdline").read_bytes() and is_python(p)
            ]
            terms += signum == signal.SIGTERM
            for pid in everyone if signum == signal.SIGKILL else tasks:  # a node fails; the limit comes near
                os.kill(pid, signum)
            process.wait(timeout=60)
            end = time.monotonic() + 30
            while ranks(process.pid):
                assert time.monotonic() < end, "a task outlives its job"
                time.sleep(0.2)
            continue
        log = (home / "log").read_text()
        if "of this key is finished" in log or log.count("tables and figures") == 1:
            break
        assert kills <= KILLS, log
    runs = client.search_runs([e.experiment_id for e in client.search_experiments()])
    keyed = {run.data.tags[KEY]: run for run in runs}
    assert len(runs) == 2 and keyed["job_4242"].info.status == "FINISHED", log
    whole, other = (history(client, keyed[key].info.run_id) for key in ("whole", "job_4242"))
    assert whole == other
    assert (home / "requeued").read_text().splitlines() == ["requeue 4242"] * terms


def is_python(pid: int) -> bool:
    return Path(os.readlink(f"/proc/{pid}/exe")).name.startswith("python")
