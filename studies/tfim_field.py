"""Transverse-field Ising model against the field, beta = 1: F, S, the heat capacity and the spectrum.

python -m studies.tfim_field --workers 2
python -m studies.tfim_field --name small --nx 2 --beta 2
"""

from studies.tfim_scan import scan

tfim_field = scan("tfim_field", "gamma", tuple(k / 2 for k in range(9)), r"$\Gamma$")

if __name__ == "__main__":
    tfim_field.main()
