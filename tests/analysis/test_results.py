"""The table of a result, for other programs."""

from results_of_a_gas import GAS

from vfe_lightning.analysis.results import table


def test_table_says_what_each_number_is_of():
    rows = table(GAS).set_index("name")
    units = rows["units"].to_dict()
    assert (units["free_energy"], units["entropy"], units["variance"]) == ("Ry", "k_B", "Ry^2")
    assert (units["kinetic"], units["acceptance"]) == ("Ry", "")
    assert set(rows.loc[rows.index != "acceptance", "per"]) == {"electron", "electron^2"}
    assert rows.at["variance", "per"] == "electron^2" and rows.at["acceptance", "per"] == ""
    assert rows.at["reference_energy", "value"] == -0.6 and rows.at["reference_entropy", "value"] == 2.5
    assert rows.at["reference_free_energy", "error"] == 0.01
    assert rows.at["reference_heat_capacity", "value"] == 0.7 and units["reference_heat_capacity"] == "k_B"
    assert rows.at["Hartree-Fock free_energy", "value"] == -0.9
    states = rows["state"].to_dict()
    assert (states["heat_capacity"], states["reference_heat_capacity"]) == ("variational", "exact")
    assert states["reweighted_heat_capacity"] == "Gibbs"
