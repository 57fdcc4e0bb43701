"""Pictures of hydrogen."""

import pytest
import torch

from vfe_lightning.analysis.hydrogen_figures import ALIKE, ATTRACTED, hydrogen_figures
from vfe_lightning.statistics import Moments


def measured(*names: str) -> dict[str, Moments]:
    sample = torch.rand(20, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return {name: Moments.of(sample) for name in names}


@pytest.mark.usefixtures("painted")
def test_every_kind_of_pairs_and_the_levels() -> None:
    made = hydrogen_figures(4.0, measured(*ALIKE.values(), *ATTRACTED.values(), "occupation"))
    assert list(made) == ["pair_correlation", "occupation"]
    left, right = made["pair_correlation"].axes
    assert [len(axes.containers) for axes in (left, right)] == [3, 1]
    assert left.get_xlim() == (0, 2.0)
    [levels] = made["occupation"].axes
    assert len(levels.containers) == 1 and levels.get_ylim()[0] == 0


@pytest.mark.usefixtures("painted")
def test_an_atom_has_no_pair_of_electrons_and_an_evaluation_that_failed_nothing() -> None:
    left, right = hydrogen_figures(4.0, measured("pair_correlation_proton"))["pair_correlation"].axes
    assert not left.containers and left.get_legend() is None and right.get_legend() is not None
    assert hydrogen_figures(4.0, {}) == {}
