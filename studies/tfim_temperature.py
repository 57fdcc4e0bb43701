"""Transverse-field Ising model against temperature, gamma = 1: F, S, the heat capacity and the spectrum.

python -m studies.tfim_temperature --workers 2
python -m studies.tfim_temperature --name small --nx 2 --gamma 2
"""

from studies.tfim_scan import scan

tfim_temperature = scan("tfim_temperature", "beta", tuple(k / 10 for k in range(1, 11)), r"$\beta$")

if __name__ == "__main__":
    tfim_temperature.main()
