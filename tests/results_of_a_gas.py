"""A result with one of everything."""

from vfe_lightning.result import Result

GAS = Result(
    "FINISHED", "id", "gas", {}, 1.0, size=7, units="Ry", per="electron",
    free_energy=-1.0, free_energy_error=0.1,
    energy=-0.5, energy_error=0.1, entropy=2.0, entropy_error=0.2, variance=0.3,
    reference_free_energy=-1.1, reference_free_energy_error=0.01, excess=0.1,
    reference_energy=-0.6, reference_entropy=2.5, landmarks={"Hartree-Fock": -0.9},
    observables={
        "kinetic": {"value": 0.4, "error": 0.01, "units": "Ry", "per": "electron"},
        "acceptance": {"value": 0.5, "error": 0.0, "units": "", "per": ""},
        "heat_capacity": {"value": 0.8, "error": 0.1, "units": "k_B", "per": "electron"},
        "reweighted_heat_capacity": {"value": 0.7, "error": 0.1, "units": "k_B", "per": "electron"},
    },
    reference_heat_capacity=0.7,
)  # fmt: skip
