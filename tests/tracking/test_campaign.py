"""A campaign of kills: from the first import to after the end, on other hosts, one and two processes.

`pytest -m slow tests/tracking/test_campaign.py --kills 100 -s` prints its table.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch
from processes import history
from seeds import MOVED

from vfe_lightning.tracking.checkpoints import QUOTED
from vfe_lightning.tracking.keys import KEY
from vfe_lightning.tracking.places import checkpoint_folder
from vfe_lightning.tracking.sessions import owner_of

pytestmark = pytest.mark.slow

BUDGET = "--trainer.max_steps 40 --trainer.checkpoint_every 5 --trainer.evaluation_batches 4"
SYSTEMS = {
    "toy": "toy",
    "ising": "experiments.ising --L 4 --annealing.kind none --batch_size 64",
    "log_gas": "experiments.log_gas --n 2 --batch_size 64",
}
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
IN_A_ROW = 4  # kills of one run, at most, before it is left to end
ORPHANED = 30.0  # seconds after the end of rank 0 in which all others have ended


@dataclass
class Case:
    """A system on some processes, and what became of its runs."""

    system: str
    devices: int
    reference: str = ""
    seconds: float = 0.0
    kills: Counter = field(default_factory=Counter)
    codes: Counter = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    ended: int = 0
    hosts: int = 0

    def command(self, key: str) -> list[str]:
        words = (
            f"{SYSTEMS[self.system]} {BUDGET} --trainer.progress_bar false --trainer.devices {self.devices}"
        )
        return [sys.executable, "-m", *words.split(), "--run_key", key]


def test_killed_at_any_moment_one_command_goes_on(client, home, request, capsys):
    dice, wanted = random.Random(MOVED), request.config.getoption("kills")
    cases = [Case(system, devices) for devices in (1, 2) for system in SYSTEMS]
    for case in cases:
        began = time.monotonic()
        process = start(home, case.command(f"reference{case.devices}"))
        assert process.wait(timeout=300) == 0, (home / "log").read_text()
        case.seconds = time.monotonic() - began
        case.reference = run_of(client, case, f"reference{case.devices}").info.run_id
    number = 0
    while sum(case.kills.total() for case in cases) < wanted:
        case = cases[number % len(cases)]
        number += 1
        left = dice.randint(1, IN_A_ROW)
        while left and not kill_once(client, home, case, f"{number}", dice):
            left -= 1
        began = time.monotonic()
        process = start(home, case.command(f"{number}"))
        code = process.wait(timeout=300)
        case.ended += 1
        if code:
            case.wrong.append(f"run {number} does not go on: {code}, {(home / 'log').read_text()[-600:]}")
        else:
            case.seconds = min(case.seconds, time.monotonic() - began + 1)
            case.wrong += differences(client, case, run_of(client, case, f"{number}"))
        with capsys.disabled():
            print(f"\n{table(cases)}", flush=True)
    assert not [wrong for case in cases for wrong in case.wrong]


def kill_once(client, home: Path, case: Case, key: str, dice: random.Random) -> bool:
    """Start the command and kill it; whether it had ended before."""
    other = sum(c for c in case.kills.values()) % 3 == 2 and shutil.which("unshare") and os.geteuid() == 0
    case.hosts += bool(other)
    owner = (run := run_of(client, case, key)) and owner_of(run)
    process = start(home, case.command(key), f"host{dice.randrange(1000)}" if other else None)
    try:
        process.wait(dice.uniform(0, case.seconds))
    except subprocess.TimeoutExpired:
        pass
    signum = dice.choice(SIGNALS)
    group = ranks(process.pid)
    target = dice.choice(["all", "first", "last"]) if len(group) > 1 else "all"
    if process.poll() is None:
        for pid in {"all": group, "first": [process.pid], "last": group[-1:]}[target]:
            try:
                os.kill(pid, signum)
            except ProcessLookupError:
                continue
        case.kills[signum.name] += 1
    code = process.wait(timeout=120)
    case.codes[code] += 1
    end = time.monotonic() + ORPHANED
    while ranks(process.pid) and time.monotonic() < end:
        time.sleep(0.2)
    if ranks(process.pid):
        case.wrong.append(f"run {key}: a rank outlives the first one after {signum.name} to {target}")
        os.killpg(process.pid, signal.SIGKILL)
    run = run_of(client, case, key)
    begun = run and owner_of(run) != owner
    if begun and signum != signal.SIGKILL and target != "last" and run.info.status == "RUNNING":
        case.wrong.append(f"run {key}: RUNNING after {signum.name} to {target}, code {code}")
    told = {signal.SIGTERM: (143, -15), signal.SIGINT: (130, -2)}.get(signum, (-9,))
    if target != "last" and code not in (0, *told):
        case.wrong.append(f"run {key}: code {code} after {signum.name}: {(home / 'log').read_text()[-600:]}")
    return code == 0


def start(home: Path, command: list[str], host: str | None = None) -> subprocess.Popen:
    tests = Path(__file__).parents[1]
    environment = os.environ | {"PYTHONPATH": f"{tests}:{tests.parent}", "VFE_HOME": str(home)}
    if host:
        command = ["unshare", "-u", "sh", "-c", f'hostname {host}; exec "$@"', "sh", *command]
    with (home / "log").open("w") as log:
        return subprocess.Popen(
            command, env=environment, cwd=tests.parent, start_new_session=True, stdout=log, stderr=log
        )


def ranks(group: int) -> list[int]:
    """The processes of a group that have not ended."""
    listed = subprocess.run(["ps", "-o", "pid=,stat=", "-g", str(group)], capture_output=True, text=True)
    rows = [line.split() for line in listed.stdout.splitlines()]
    return sorted(int(pid) for pid, state in rows if not state.startswith("Z"))


def run_of(client, case: Case, key: str):
    """The only run of a key, if there is one."""
    experiment = client.get_experiment_by_name(case.system)
    query = f"tags.`{KEY}` = '{key}'"
    runs = client.search_runs([experiment.experiment_id], query) if experiment else []
    assert len(runs) < 2
    return runs[0] if runs else None


def differences(client, case: Case, run) -> list[str]:
    """What a run has lost or doubled, and which numbers are not those of the run that was left alone."""
    key = run.data.tags[KEY]
    whole, other = (history(client, run_id) for run_id in (case.reference, run.info.run_id))
    entries = [Counter((name, *entry) for name in h for entry in h[name]) for h in (whole, other)]
    lost, doubled = entries[0] - entries[1], entries[1] - entries[0]
    found = [
        f"run {key}: {what} {list(some)[:4]}" for what, some in (("lost", lost), ("more", doubled)) if some
    ]
    states = [
        torch.load(checkpoint_folder(client.get_run(i).info) / QUOTED, weights_only=True)["state_dict"]
        for i in (case.reference, run.info.run_id)
    ]
    if any(not torch.equal(states[0][name], states[1][name]) for name in states[0]):
        found.append(f"run {key}: other parameters")
    if run.info.status != "FINISHED":
        found.append(f"run {key}: {run.info.status}")
    return found


def table(cases: list[Case]) -> str:
    head = "| system | processes | SIGKILL | SIGTERM | SIGINT | other host | runs ended | codes | wrong |"
    rows = [
        f"| {c.system} | {c.devices} | {c.kills['SIGKILL']} | {c.kills['SIGTERM']} | {c.kills['SIGINT']} | "
        f"{c.hosts} | {c.ended} | {dict(c.codes)} | {len(c.wrong)} |"
        for c in cases
    ]
    told = [wrong for case in cases for wrong in case.wrong]
    return "\n".join([head, "|--|--:|--:|--:|--:|--:|--:|--|--:|", *rows, *told])
