"""The command line says what there is, refuses what there is not, and gives every default."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from processes import code_of, on_command_line

from vfe_lightning.command_line import main, parse
from vfe_lightning.declarations import Adam, ElectronGas, Quasiparticle
from vfe_lightning.experiment import Experiment

ROOT = Path(__file__).parents[1]
GAS = Experiment(name="gas", system=ElectronGas(n=7, dim=3, rs=10.0, theta=0.15, cutoff=5), batch_size=64)


def outcome(capsys: pytest.CaptureFixture, *argv: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as exit:
        main(GAS, argv)
    return exit.value.code, *capsys.readouterr()


def test_help_shows_all_fields_with_their_ranges(capsys):
    code, out, _ = outcome(capsys, "--help", "all")
    text = " ".join(out.split())
    assert code == 0
    assert "Wigner-Seitz radius, in Bohr radii (number > 0; default 10.0)" in text
    assert "(integer > 0 or none)" in text and "typing" not in text
    assert "one of fermi_sea, ideal_gas, quasiparticle, levels, transformer" in text
    for flag in (
        "--optimizer.quantum.damping",
        "--trainer.devices",
        "--resume",
        "--occupation.layers",
        "--seed",
    ):
        assert flag in text
    _, out, _ = outcome(capsys, "--occupation.kind", "ideal_gas", "--help", "all")
    assert "--occupation.layers" not in out


def test_help_is_short_and_says_how_to_learn_more(capsys):
    _, out, _ = outcome(capsys, "--help")
    assert len(out.splitlines()) < 80 and "--rs" in out and "--optimizer.quantum.damping" not in out
    assert "--help all" in out and "--occupation.kind KIND --help" in out
    _, out, _ = outcome(capsys, "--occupation.kind", "transformer", "-h")
    assert "--occupation.layers" in out and "--optimizer.quantum.damping" not in out
    _, out, _ = outcome(capsys, "--help", "optimizer")
    assert "--optimizer.quantum.damping" in out and "--rs" not in out
    code, _, err = outcome(capsys, "--help", "optimiser")
    assert code == 2 and "did you mean optimizer?" in err


def test_help_is_light():
    code = (
        "import sys; from experiments.heg3d import heg3d\n"
        "try: heg3d.main()\n"
        "except SystemExit: pass\n"
        "assert not {'torch', 'lightning', 'mlflow', 'matplotlib'} & set(sys.modules)"
    )
    for arguments in (["--help"], ["--rs", "-1"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr


def test_a_line_at_once():
    """Before what takes seconds to import."""
    code = (
        "import builtins, sys; from experiments.heg3d import heg3d\n"
        "show, known = print, sys.modules\n"
        "def once(text, **o):\n"
        "    show(text, 'torch' in known or 'mlflow' in known, **o)\n"
        "    sys.exit()\n"
        "builtins.print = once\n"
        "heg3d.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.splitlines() == ["starting heg3d: torch and MLflow are loaded False"]


def test_the_end_says_where_things_are(home):
    log = home / "log"
    assert code_of(on_command_line(log, "--trainer.max_steps", "5")) == 0
    lines = log.read_text().splitlines()
    assert lines[0].startswith("starting toy") and any(line.startswith("F = -0.") for line in lines)
    assert lines[-2].startswith("tables and figures: ") and Path(lines[-2].partition(": ")[2]).is_dir()
    assert lines[-1].endswith("python -m vfe_lightning ui")


def test_flags_reach_the_experiment():
    line = (
        "--rs 5 --theta=0.3 --twist -0.25 --occupation.kind quasiparticle --optimizer.kind adam "
        "--optimizer.learning_rate 1e-4 --trainer.devices 2 --trainer.progress_bar false --dim 2 "
        "--json out.json"
    )
    request = parse(GAS, line.split())
    system = request.experiment.system
    assert (system.rs, system.theta, system.twist, system.dim) == (5.0, 0.3, -0.25, 2)
    assert system.occupation == Quasiparticle()
    assert request.experiment.optimizer == Adam(learning_rate=1e-4)
    assert (request.experiment.trainer.devices, request.experiment.trainer.progress_bar) == (2, False)
    assert request.options == {"json": "out.json"}


def test_a_part_may_be_one_value():
    line = ["--occupation", '{"kind": "transformer", "layers": 3}', '--optimizer.quantum={"damping": 0.5}']
    experiment = parse(GAS, line).experiment
    assert (experiment.system.occupation.kind, experiment.system.occupation.layers) == ("transformer", 3)
    assert experiment.optimizer.quantum.damping == 0.5


def test_configuration_round_trip(capsys, tmp_path):
    line = ["--theta", "0", "--occupation.kind", "fermi_sea", "--optimizer.kind", "adam", "--seed", "3"]
    code, written, _ = outcome(capsys, *line, "--print_config")
    path = tmp_path / "config.yaml"
    path.write_text(written)
    assert code == 0
    assert parse(GAS, ["--config", str(path)]).experiment == parse(GAS, line).experiment
    assert outcome(capsys, "--config", str(path), "--print_config")[1] == written
    thermal = parse(GAS, ["--config", str(path), "--theta", "1", "--occupation.kind", "ideal_gas"]).experiment
    assert thermal.system.occupation.kind == "ideal_gas" and thermal.seed == 3
    assert yaml.safe_load(written)["tags"] == {}


def test_flags_overrule_the_counts_of_electrons_in_a_file(capsys, tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(outcome(capsys, "--rs", "4", "--print_config")[1])
    both = parse(GAS, ["--config", str(path), "--n_up", "5", "--n_down", "2"]).experiment.system
    assert (both.n, both.n_up, both.n_down, both.rs) == (7, 5, 2, 4.0)
    path.write_text(outcome(capsys, "--n_up", "5", "--n_down", "2", "--print_config")[1])
    one = parse(GAS, ["--config", str(path), "--n", "3"]).experiment.system
    assert (one.n, one.n_up, one.n_down) == (3, 3, 0)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--rs -1", "rs = -1 is not allowed"),
        ("--rs nan", "rs = nan"),
        ("--rs", "--rs: expected one argument"),
        ("--theta 0", "heg2d_ground_state"),
        ("--n 100", "cutoff = 5 gives 57"),
        ("--n seven", "n = seven"),
        ("--n 1.5", "n = 1.5"),
        ("--dim 4", "2 or 3"),
        ("--thetta 0.1", "there is no --thetta: did you mean --theta?"),
        ("--flow.dept 3", "did you mean --flow.depth?"),
        ("--optimizer.quantum.dampin 3", "did you mean --optimizer.quantum.damping?"),
        ("--occupation.kind ideal", "one of fermi_sea, ideal_gas, quasiparticle, levels, transformer"),
        (
            "--occupation.kind quasiparticle --occupation.layers 3",
            "there is no --occupation.layers, but with --occupation.kind transformer",
        ),
        ("--spin 0", "there is no --spin; `--help all` lists what there is"),
        ("--occupation transformer", "did you mean --occupation.kind?"),
        ("--layers 3", "did you mean --occupation.layers?"),
        ("--optimizer.quantum.damping 0", "greater than 0"),
        ("--occupation {kind:transformer}", "--occupation {kind:transformer} is no JSON"),
        ("--config /nowhere.yaml", "/nowhere.yaml"),
        ("rs 5", "rs 5"),
    ],
)
def test_refusals_are_one_line(line, words, capsys):
    code, out, err = outcome(capsys, *line.split())
    assert (code, out) == (2, "")
    assert words in err and len(err.strip().splitlines()) == 1


def test_files_are_checked_like_flags(capsys, tmp_path):
    path = tmp_path / "config.yaml"
    for text, words in {
        "flow: {dept: 3}": "did you mean flow.depth?",
        "rs: -1": "rs = -1",
        "- 3": "rs: 5",
    }.items():
        path.write_text(text)
        code, _, err = outcome(capsys, "--config", str(path))
        assert code == 2 and words in err
