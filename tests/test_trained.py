"""A trained run as an object: loaded, sampled, evaluated, and taken as a start."""

import json
import math
import subprocess
import sys

import pytest
import torch
from contracts import SMALL, small
from judging import agrees, errors
from toy import toy

import vfe_lightning
from vfe_lightning.command_line import main
from vfe_lightning.errors import NotKnown, Refused
from vfe_lightning.tracking.checkpoints import QUOTED
from vfe_lightning.tracking.origin import declared_in, origin_of

QUIET = toy.vary(**{"trainer.progress_bar": False})
ONE_OF_EACH = {
    "double_well",
    "heg2d",
    "inverse_ising",
    "ising",
    "phi4",
    "tfim",
}
LOADED = [name if name in ONE_OF_EACH else pytest.param(name, marks=pytest.mark.slow) for name in SMALL]


@pytest.mark.parametrize("name", SMALL)
def test_what_a_checkpoint_says_declares_the_same(name):
    experiment = small(name)
    found = declared_in(json.loads(json.dumps(origin_of(experiment))))
    assert found.system == experiment.system and found.parameters() == experiment.parameters()


@pytest.mark.parametrize("name", LOADED)
def test_a_loaded_run_gives_the_quoted_numbers_again(home, name):
    """Its own evaluation, its samples and its densities; judged by the errors of both."""
    result = small(name, **{"trainer.evaluation_batches": 20}).run()
    trained = vfe_lightning.load(result.run_id)
    again = trained.evaluate(40)
    assert trained.experiment == declared_in(origin_of(small(name, **{"trainer.evaluation_batches": 20})))
    assert trained.result is not None and trained.result.free_energy == result.free_energy
    for number in ("free_energy", "entropy"):
        (one, e), (other, f) = result.number(number), again.number(number)
        assert agrees(other, math.hypot(e, f) + 1e-12 * abs(one), one, samples=20), number
    if name == "solvated_dimer":  # it has maps and chains, and no density
        with pytest.raises(NotKnown):
            trained.sample(2)
        return
    drawn = trained.sample(200)
    quantum = isinstance(drawn, tuple)
    log_prob = trained.log_prob(drawn[0] if quantum else drawn)
    spread = log_prob.std().item() / math.sqrt(200)
    entropy, error = result.entropy * result.size, result.entropy_error * result.size
    assert agrees(-log_prob.mean().item(), math.hypot(spread, error) + 1e-12, entropy, samples=160)
    if quantum:
        log_psi = trained.log_psi(*drawn)
        assert log_psi.shape == (200,) and log_psi.isfinite().all() and log_psi.is_complex()
    else:
        with pytest.raises(NotKnown, match="no wavefunction"):
            trained.log_psi(drawn, drawn)


def test_densities_of_few_spins_are_normalised(home):
    from vfe_lightning.exact.enumeration import configurations

    trained = vfe_lightning.load(small("ising", L=3, **{"network.kind": "made"}).run().run_id)
    (everything,) = configurations(9)
    p = trained.log_prob(everything).exp()
    assert p.sum().item() == pytest.approx(1, abs=1e-12)
    found = trained.expect(lambda s: s.mean(dim=1).square(), 4000)
    exact = (p @ everything.mean(dim=1).square()).item()
    assert agrees(found.value.item(), found.error.item(), exact, samples=4000)


def test_circuit_states_are_orthonormal_and_sampled_as_they_say(home):
    trained = vfe_lightning.load(small("tfim").run().run_id)
    from vfe_lightning.hamiltonians.pauli import all_spins, numbers

    z = all_spins(4)
    rows = [trained.log_psi(s.expand(16, -1), z).exp() for s in z]
    psi = torch.stack(rows)
    torch.testing.assert_close(psi @ psi.mH, torch.eye(16, dtype=psi.dtype), atol=1e-12, rtol=0)
    p = trained.log_prob(z).exp() @ psi.abs().square()
    _, drawn = trained.sample(4000)
    share = torch.bincount(numbers(drawn), minlength=16) / 4000
    assert ((share - p).abs() <= errors(comparisons=16) * (p * (1 - p) / 4000).sqrt() + 1e-3).all()


def test_positions_of_a_gas_are_wrapped_where_that_is_asked_for(home):
    trained = vfe_lightning.load(small("heg2d").run().run_id)
    length = trained.system.period
    state, x = trained.sample(50, wrap=True)
    assert trained.system.unit_of_length == "r_s a_0" and ((x >= 0) & (x < length)).all()
    torch.testing.assert_close(  # a determinant of plane waves and a periodic flow
        trained.log_psi(state, x).real, trained.log_psi(state, x + length).real, rtol=0, atol=1e-9
    )
    with pytest.raises(Refused, match=r"states, x = trained\.sample\(n\)"):
        trained.log_prob((state, x))
    with pytest.raises(Refused, match="not periodic"):
        vfe_lightning.load(small("ising").run().run_id).sample(2, wrap=True)


def test_evaluations_are_independent_and_samples_have_a_seed(home):
    run_id = small("ising").run().run_id
    one, other = vfe_lightning.load(run_id), vfe_lightning.load(run_id[:8])
    assert torch.equal(one.sample(5), other.sample(5))
    assert one.evaluate(2).free_energy == other.evaluate(2).free_energy
    assert one.evaluate(2).free_energy != one.evaluate(2).free_energy
    assert not torch.equal(vfe_lightning.load(run_id, seed=1).sample(50), other.sample(50))


def test_a_run_is_named_in_many_ways(home, client):
    result = small("ising").run()
    run = client.get_run(result.run_id)
    checkpoint = next(home.rglob(QUOTED))
    for name in (run, result, checkpoint, str(checkpoint), result.run_id[:10]):
        assert torch.equal(vfe_lightning.load(name).sample(3), vfe_lightning.load(result.run_id).sample(3))
    assert vfe_lightning.load(checkpoint).run_id is None
    with pytest.raises(Refused, match="no run nothing"):
        vfe_lightning.load("nothing")
    garbage = home / "garbage.ckpt"
    garbage.write_bytes(b"garbage")
    with pytest.raises(Refused, match="cut short or no checkpoint"):
        vfe_lightning.load(garbage)


def test_a_damaged_record_of_a_run_is_told_and_a_damaged_checkpoint_refused(home, capsys):
    run_id = QUIET.run().run_id
    quoted = next(home.rglob(QUOTED))
    (quoted.parents[1] / "result.json").write_text('{"status": "FINI')
    assert vfe_lightning.load(run_id).result is None
    [line] = capsys.readouterr().err.splitlines()
    assert "result.json is damaged" in line and run_id[:8] in line
    quoted.write_bytes(quoted.read_bytes()[:-9] + b"123456789")
    with pytest.raises(Refused, match=r"SHA-256 .*step_00000020\.ckpt is of its training"):
        vfe_lightning.load(run_id)


def test_a_run_that_was_stopped_is_loaded_from_its_last_checkpoint(home, break_at):
    break_at("error:13:0")
    with pytest.raises(RuntimeError):
        QUIET.run(json=home / "r.json")
    run_id = json.loads((home / "r.json").read_text())["run_id"]
    break_at("none:0:0")
    assert vfe_lightning.load(run_id).step == 10


@pytest.mark.slow
def test_a_system_of_a_script_is_found_again_by_its_file(home):
    """Made by `python script.py`, whose classes are those of no module; loaded by another program."""
    (home / "mine.py").write_text(SCRIPT)
    command = [sys.executable, "mine.py", "--trainer.progress_bar", "false", "--json", "r.json"]
    subprocess.run(command, cwd=home, check=True, capture_output=True)
    run_id = json.loads((home / "r.json").read_text())["run_id"]
    trained = vfe_lightning.load(run_id)
    assert type(trained.experiment.system).__name__ == "Mine" and trained.experiment.system.L == 3
    assert trained.sample(4).shape == (4, 9)


SCRIPT = """
from vfe_lightning import Experiment
from vfe_lightning.declarations import Adam, Ising, Trainer

class Mine(Ising):
    pass

system = Mine(L=3, beta=0.3, network={"kind": "made"}, annealing={"kind": "none"})
mine = Experiment(name="mine", system=system,
    optimizer=Adam(learning_rate=0.01), trainer=Trainer(max_steps=2, evaluation_batches=2), batch_size=20)

if __name__ == "__main__":
    mine.main()
"""


def test_a_run_starts_from_the_parameters_of_another(home, capsys):
    first = QUIET.vary(**{"trainer.max_steps": 200}).run()
    second = QUIET.vary(temperature=0.6, **{"trainer.max_steps": 0}).run(init_from=first.run_id)
    assert f"started from run {first.run_id[:8]}: 1 parameters" in capsys.readouterr().out
    assert second.parameters == "start" and second.candidates is None and second.steps == 0
    held = [vfe_lightning.load(r.run_id).system.model.log_width for r in (first, second)]
    assert torch.equal(*held)
    with pytest.raises(SystemExit):
        main(QUIET, ["--resume", second.run_id, "--init_from", first.run_id])
    with pytest.raises(Refused, match="no parameter of Ising"):
        QUIET.run(init_from=small("ising").run().run_id)


def test_a_run_without_steps_goes_on_later(home):
    first = QUIET.vary(**{"trainer.max_steps": 0}).run()
    resumed = QUIET.vary(**{"trainer.max_steps": 20}).run(resume=first.run_id)
    whole = QUIET.run()
    assert resumed.free_energy == whole.free_energy and resumed.steps == 20


def test_a_finished_run_is_evaluated_again(home):
    first = QUIET.run()
    again = QUIET.vary(**{"trainer.evaluation_batches": 16}).run(resume=first.run_id)
    assert again.run_id == first.run_id and again.steps == first.steps
    assert again.free_energy_error < first.free_energy_error
    with pytest.raises(Refused, match="evaluation_batches to evaluate it again"):
        QUIET.vary(**{"trainer.evaluation_batches": 16}).run(resume=first.run_id)
