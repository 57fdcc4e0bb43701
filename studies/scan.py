"""A scan or a search over any flags of any experiment, without a file: `python -m vfe_lightning scan`.

A list of values is an axis of a grid, a range one of a search; every other flag is for all runs alike. With
--warm each run starts from the parameters of its neighbour along that axis.

    python -m studies.scan ising --L 4 --beta 0.2,0.4,0.6 --seed 1,2
    python -m studies.scan ising --L 8 --beta 0.3,0.4,0.5 --warm beta --annealing.kind none
    python -m studies.scan sk --optimizer.learning_rate 1e-3:0.1:log --network.width 1,2,4 --n-trials 9
    python -m studies.scan heg2d --help
"""

from vfe_lightning.study.scan import main

if __name__ == "__main__":
    main()
