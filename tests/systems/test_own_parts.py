"""Networks, flows and potentials from outside are tried before anything is trained with them."""

import math
from operator import attrgetter

import pytest
import torch
from judging import agrees
from pydantic import ValidationError
from torch import nn

from vfe_lightning import Experiment
from vfe_lightning.bijectors.bijector import Bijector
from vfe_lightning.bijectors.coordinate_splines import CoordinateSplines
from vfe_lightning.bijectors.equivariant_velocity import Velocity
from vfe_lightning.calculus.forward_laplacian import Traced
from vfe_lightning.command_line import parse
from vfe_lightning.declarations import (
    Adam,
    CoulombTrap,
    Ising,
    LogGas,
    OwnColourNetwork,
    OwnFlow,
    OwnNetwork,
    OwnVelocity,
    PhiFour,
    Potential,
    Potts,
    QuantumDot,
    Trainer,
)
from vfe_lightning.errors import Refused
from vfe_lightning.generative.bernoulli import BernoulliProduct
from vfe_lightning.generative.differentiable import DifferentiableModel
from vfe_lightning.preparation import prepared
from vfe_lightning.systems.own_parts import own_flow
from vfe_lightning.tracking.origin import declared_in, origin_of


class Independent(DifferentiableModel):
    """Independent spins; `wrong` says what is wrong with them."""

    def __init__(self, sites: int, wrong: str) -> None:
        super().__init__()
        self.product, self.wrong = BernoulliProduct(sites), wrong

    def sample(self, n_samples, generator=None):
        s = self.product.sample(n_samples, generator)
        return {"bits": (s + 1) / 2, "single": s.float(), "short": s[:, 1:]}.get(self.wrong, s)

    def log_prob(self, x):
        log_p = self.product.log_prob(x)
        return {"norm": log_p + 0.1, "sum": log_p.sum(), "nan": log_p * math.nan}.get(self.wrong, log_p)


class Net(OwnNetwork):
    wrong: str = ""

    def build(self, sites):
        if self.wrong == "raises":
            raise RuntimeError("boom")
        return nn.Linear(1, 1) if self.wrong == "linear" else Independent(sites, self.wrong)


class IndependentColours(DifferentiableModel):
    """One distribution for all sites."""

    def __init__(self, sites: int, colours: int, wrong: str) -> None:
        super().__init__()
        self.logits, self.wrong = nn.Parameter(torch.zeros(colours, dtype=torch.float64)), wrong
        self.sites = sites

    def sample(self, n_samples, generator=None):
        p = self.logits.softmax(0).expand(n_samples, -1)
        x = torch.multinomial(p, self.sites, replacement=True, generator=generator).double()
        return x + 1 if self.wrong == "from one" else x

    def log_prob(self, x):
        log_p = self.logits.log_softmax(0)[x.long() % len(self.logits)].sum(1)
        return log_p - 0.1 if self.wrong == "norm" else log_p


class ColourNet(OwnColourNetwork):
    wrong: str = ""

    def build(self, sites, colours):
        return IndependentColours(sites, colours, self.wrong)


class Shift(Bijector):
    def __init__(self, wrong: str) -> None:
        super().__init__()
        self.wrong, self.by = wrong, nn.Parameter(torch.tensor(0.5, dtype=torch.float64))

    def forward(self, z):
        log_det = z.new_zeros(len(z)) + (0.1 if self.wrong == "both" else 0)
        return z + self.by, log_det + (0.1 if self.wrong == "forward" else 0)

    def inverse(self, x):
        log_det = x.new_zeros(len(x)) - (0.1 if self.wrong == "both" else 0)
        return (x + self.by if self.wrong == "inverse" else x - self.by), log_det


class Map(OwnFlow):
    wrong: str = ""

    def build(self, shape):
        return Shift(self.wrong)


class Breath(Velocity):
    """v = a (r - R) with R the centre of mass."""

    def __init__(self, n: int, dim: int, wrong: str) -> None:
        super().__init__()
        self.a, self.wrong = nn.Parameter(torch.tensor(0.3, dtype=torch.float64)), wrong
        self.register_buffer("centring", torch.eye(n, dtype=torch.float64) - 1 / n, persistent=False)
        self.rate = float((n - 1) * dim)

    def forward(self, x, t):
        v = (x @ self.centring) * (self.a if self.wrong == "axis" else self.a[..., None, None])
        divergence = constant(x, self.rate * self.a)
        match self.wrong:
            case "divergence":
                divergence = divergence * 1.1
            case "order":
                v = v + x * torch.arange(x.value.shape[2] if isinstance(x, Traced) else x.shape[2])
            case "gradient" if isinstance(v, Traced):
                v = Traced(v.value, 2 * v.gradient, v.laplacian)
            case "laplacian" if isinstance(v, Traced):
                v = Traced(v.value, v.gradient, v.laplacian + 1)
        return v, divergence


def constant(x, value: torch.Tensor):
    """The same number in all points."""
    if isinstance(x, Traced):
        one = x.value[:, 0, 0]
        return Traced(value.expand(len(one)), 0 * x.gradient[:, :, 0, 0], 0 * one)
    return value.expand(len(x))


class Field(OwnVelocity):
    wrong: str = ""

    def build(self, n_up, n_down, dim):
        return Breath(n_up + n_down, dim, self.wrong)


def dot(wrong: str = "", **changes) -> QuantumDot:
    ground = {"n_up": 2, "z": 0.0, "beta": math.inf, "occupation": {"kind": "determinant"}}
    return QuantumDot(**ground | {"flow": {"velocity": Field(wrong=wrong)}} | changes)


class Well(Potential):
    """A harmonic well with any shape."""

    wrong: str = ""
    shape = property(lambda self: (2,) if self.wrong != "shape" else (0,))

    def energy(self, x):
        e = x.square().sum(1) / 2
        match self.wrong:
            case "scalar":
                return e.sum()
            case "batch":
                return e * e.mean()
            case "constant":
                return e.detach()
            case "single":
                return e.float()
            case "nan":
                return e * math.nan
        return e

    def exact(self):
        return -math.log(2 * math.pi)


def made(system, **changes):
    budget = Trainer(max_steps=2, evaluation_batches=2, progress_bar=False)
    adam = Adam(learning_rate=0.01)
    return Experiment(name="own", system=system, optimizer=adam, trainer=budget, batch_size=64).vary(
        **changes
    )


def lattice(wrong: str = "") -> Experiment:
    return made(Ising(L=2, beta=0.3, network=Net(wrong=wrong), annealing={"kind": "none"}))


def potts(wrong: str = "", **network) -> Experiment:
    network = network or {"network": ColourNet(wrong=wrong)}
    return made(Potts(L=2, q=3, beta=0.5, annealing={"kind": "none"}, **network))


@pytest.mark.parametrize(
    ("experiment", "message"),
    [
        (lattice("raises"), r"^Net.build\(4\): boom"),
        (lattice("linear"), r"Linear is no vfe_lightning.generative.model.GenerativeModel"),
        (lattice("bits"), "must be of spins \\+1 and -1"),
        (lattice("single"), "torch.float32, where torch.float64 is wanted"),
        (lattice("short"), r"sample\(n\) is \(5, 3\), where \(5, 4\) is wanted"),
        (lattice("norm"), "p is not normalised: the sum over all s is 1.105"),
        (lattice("sum"), r"log_prob\(s\) is \(\), where \(5,\) is wanted"),
        (lattice("nan"), r"log_prob\(s\) is not finite"),
        (made(PhiFour(L=2, m2=1, lam=1, flow=Map(wrong="forward"))), "of inverse is not minus"),
        (made(PhiFour(L=2, m2=1, lam=1, flow=Map(wrong="both"))), "is not that of the Jacobian"),
        (made(PhiFour(L=2, m2=1, lam=1, flow=Map(wrong="inverse"))), r"inverse\(x\) is not z"),
        (potts("from one"), r"ColourNet.build\(4, 3\): sample\(n\) must be of colours 0 to 2"),
        (potts("norm"), "p is not normalised: the sum over all s is 0.9048"),
        (made(LogGas(n=2, coupling=2.0, flow=Map(wrong="both"))), "is not that of the Jacobian"),
        (made(dot("divergence")), r"^Field.build\(2, 0, 2\): div v is not the trace of its Jacobian"),
        (made(dot("order")), "v does not commute with exchanges"),
        (made(dot("axis")), r"^Field.build\(2, 0, 2\): "),
        (made(dot("gradient")), "the gradient of v is not that of its values"),
        (made(dot("laplacian")), "the Laplacian of v is not that of its values"),
        (made(Well(wrong="scalar")), r"Well.energy: energy\(x\) is \(\), where \(5,\) is wanted"),
        (made(Well(wrong="batch")), "depends on the others"),
        (made(Well(wrong="constant")), "there is no gradient"),
        (made(Well(wrong="single")), "torch.float64 is wanted"),
        (made(Well(wrong="nan")), "is not finite"),
        (made(Well(wrong="shape")), r"Well.shape = \(0,\)"),
        (made(Well(flow={"kind": "equivariant"})), r"of shape \(n, dim\), not \(2,\)"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_before_training(experiment, message):
    with pytest.raises(Refused, match=message):
        prepared(experiment)


@pytest.mark.parametrize(
    "system",
    [
        lattice().system,
        potts().system,
        PhiFour(L=2, m2=1, lam=1, flow=Map()),
        CoulombTrap(n=2, beta=1.0, flow=Map()),
        LogGas(n=3, coupling=2.0, flow=Map()),
        LogGas(n=3, coupling=2.0, flow={"velocity": Field()}),
        dot(n_down=1),
        Well(flow=Map()),
    ],
    ids=lambda system: type(system).__name__,
)
def test_own_parts_are_declared_and_found_again(system):
    experiment = made(system)
    prepared(experiment)
    assert declared_in(origin_of(experiment)).system == experiment.system
    assert experiment.redeclared(experiment.declared()) == experiment
    known = experiment.parameters()
    [part] = [name.removesuffix(".wrong") for name in known if "." in name and name.endswith(".wrong")]
    own = attrgetter(part)
    assert known[f"{part}.kind"] == f"{__name__}:{type(own(system)).__name__}"
    given = parse(experiment, [f"--{part}.wrong", "x"]).experiment
    assert own(given.system).wrong == "x"


def test_own_parts_are_chosen_by_their_place():
    usual = made(Ising(L=2, beta=0.3, network={"kind": "made"}))
    kind = f"{__name__}:Net"
    assert parse(usual, ["--network.kind", kind, "--network.wrong", "x"]).experiment.system.network == Net(
        wrong="x"
    )
    assert parse(lattice(), ["--network.kind", "made"]).experiment.system.network.kind == "made"
    with pytest.raises(Refused, match="nowhere:Net is not found"):
        parse(usual, ["--network.kind", "nowhere:Net"])
    with pytest.raises((Refused, ValidationError), match=r"must be a subclass of .*OwnNetwork"):
        usual.vary(network={"kind": f"{__name__}:Map"})
    with pytest.raises(ValidationError, match="Net must be a subclass of OwnColourNetwork"):
        potts(network=Net())  # which is of spins
    for given, path, allowed in (
        (
            usual,
            "network",
            "one of hierarchical, made, pixel_cnn, bernoulli, or module:Class of an OwnNetwork",
        ),
        (potts(), "network", "one of made, pixel_cnn, or module:Class of an OwnColourNetwork"),
        (made(LogGas(n=3, coupling=2.0)), "flow", "one of equivariant, or module:Class of an OwnFlow"),
    ):
        with pytest.raises(Refused, match=f"^{path}.kind = some is not allowed: {allowed}$"):
            parse(given, [f"--{path}.kind", "some"])


def test_own_colours_before_training_are_free(client):
    """F = -J bonds / q - T n ln q of colours that know nothing of each other, which bounds the exact one."""
    result = potts().vary(**{"trainer.max_steps": 0, "trainer.evaluation_batches": 20}).run()
    f, error = result.number("free_energy")
    assert agrees(f, error, -8 / 3 / 4 - 2 * math.log(3), samples=64 * 20)
    assert result.reference_free_energy is not None and f > result.reference_free_energy + 10 * error
    assert agrees(*result.number("importance_free_energy"), result.reference_free_energy, samples=64 * 20)


def test_an_own_flow_of_a_trap_carries_the_independent_particles(client):
    """Three particles moved by 1/2 along both axes have n dim / 4 more than those at the centre.

    Those have sigma = 1, and the flow starts with the exact width of the centre of mass, 1 / sqrt(2): that is
    1/2 - ln(2) / 2 less along each axis.
    """
    system = LogGas(n=3, coupling=2.0, flow=Map())
    result = made(system, **{"trainer.max_steps": 0, "trainer.evaluation_batches": 20}).run()
    assert result.landmarks is not None and result.free_energy is not None and result.excess is not None
    moved = result.free_energy - result.landmarks["independent particles"]
    assert agrees(moved, result.free_energy_error, 0.5 + math.log(2), samples=64 * 20) and result.excess > 1
    assert "above_landmark" not in (result.alarms or {})  # which this flow, as it is, does not contain


def test_an_own_velocity_carries_the_electrons_of_a_dot(client):
    """By exp(0.3) from the centre of mass: its energy stays at 1, kinetic and trap energy were 1 each."""
    result = made(dot(), **{"trainer.max_steps": 0, "trainer.evaluation_batches": 20}).run()
    energy, error = result.number("total_energy")
    assert agrees(energy, error, 1 + 2 * math.cosh(0.6), samples=64 * 20)
    assert "above_landmark" not in (result.alarms or {})
    trained = made(dot(n_down=1, z=1.0)).run()
    assert trained.status == "FINISHED" and trained.steps == 2


def test_scores_by_differentiation_are_those_in_closed_form():
    model = Independent(4, "")
    torch.nn.init.normal_(model.product.logits)
    s = model.sample(6, torch.Generator().manual_seed(0))
    torch.testing.assert_close(model.scores(s), model.product.scores(s), atol=1e-12, rtol=1e-10)


@pytest.mark.parametrize("shape", [(1,), (2, 3)])
def test_splines_of_coordinates_are_bijections(shape):
    class Splines(OwnFlow):
        def build(self, shape):
            flow = CoordinateSplines(math.prod(shape), 6)
            torch.nn.init.normal_(flow.shares), torch.nn.init.normal_(flow.slopes)
            return flow

    flow = own_flow(Splines(), shape)
    far = torch.full((1, *shape), 7.0, dtype=torch.float64)
    torch.testing.assert_close(flow(far)[0], far, rtol=1e-14, atol=0)  # rounding alone
    assert not flow(far / 7)[0].allclose(far / 7)


def test_observables_are_measured_reweighted_and_metrics(client):
    """Under names that MLflow takes."""
    moments = {"<m^2>": lambda s: s.mean(dim=1) ** 2, "each": lambda s: s}
    experiment = lattice().measuring(**moments).vary(beta=0.2)
    result = experiment.run()
    assert result.failures is None
    recorded = client.get_run(result.run_id).data.metrics
    for name in ("<m^2>", "reweighted_<m^2>"):
        quoted = "_quoted/" + name.replace("<m^2>", "m2")
        assert result.number(name) == (recorded[quoted], recorded[f"{quoted}_error"])
    again = experiment.redeclared(experiment.declared())
    assert again.asked().keys() == moments.keys()


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda s: s.mean(), r"observable f is \(\) of samples \(3, 4\)"),
        (lambda s: s.nothing, "observable f: AttributeError"),
    ],
)
def test_observables_that_are_none_are_refused(function, message):
    with pytest.raises(Refused, match=message):
        prepared(lattice().measuring(f=function))
    with pytest.raises(Refused, match="energy is measured anyway"):
        prepared(lattice().measuring(energy=lambda s: s[:, 0]))
