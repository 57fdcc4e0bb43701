"""The effective mass of the 3D electron gas by two routes, polarised and of both spins, against r_s.

A scan, not a search: seven electrons of spin up, and none or seven of spin down, at theta = 0.125. The routes
are S/S_0 and the slope of the dispersion, from fresh samples of each run. A point takes minutes.

    python -m studies.heg3d_effective_mass --workers 2
    python -m studies.heg3d_effective_mass --name long --batch_size 1024 --trainer.max_steps 500
"""

from experiments.heg3d_metal import heg3d_metal
from studies.heg2d_effective_mass import by_both_routes
from vfe_lightning import Study

N_DOWN, RS = (0, 7), (1.0, 4.0)
SHORT = heg3d_metal.vary(**{"walkers_per_state": 2, "trainer.max_steps": 60})


heg3d_effective_mass = Study.scan(
    "heg3d_effective_mass", SHORT, {"n_down": N_DOWN, "rs": RS}, by_both_routes, __doc__
)

if __name__ == "__main__":
    heg3d_effective_mass.main()
