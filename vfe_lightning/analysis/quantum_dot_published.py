"""Published energies of polarised quantum dots, of the whole dot in hbar omega.

PATH_INTEGRALS: permutation-blocking path integral Monte Carlo, J. Chem. Phys. 153, 234104 (2020).
FERMI_FLOW: Xie, Zhang & Wang, arXiv 2105.08644, from the data of its public code.
CONFIGURATION_INTERACTION: `exact/trap_diagonalization.py` with large cutoffs, extrapolated where there is an
error; those at beta = 10 are upper bounds with cutoff 24 (three electrons) and 18 (four).
"""

from typing import NamedTuple


class Published(NamedTuple):
    """Energies with their errors; None where a number is not given."""

    energy: float
    energy_error: float
    free_energy: float | None = None
    free_energy_error: float | None = None
    entropy: float | None = None


# six electrons at Z = 0.5: beta -> numbers
PATH_INTEGRALS = {
    1.0: Published(22.842709, 0.000604),
    1.5: Published(20.432129, 0.000709),
    1.7: Published(19.957751, 0.000745),
    2.0: Published(19.475752, 0.000926),
    2.5: Published(18.995907, 0.001155),
    3.0: Published(18.714476, 0.001392),
}
FERMI_FLOW_TEMPERATURES = {
    2.0: Published(19.427792, 0.0115, 17.428050, 0.0024, 3.9744),
    2.5: Published(19.003552, 0.0096, 17.772760, 0.0022, 3.0457),
    3.0: Published(18.714517, 0.0077, 17.953196, 0.0022, 2.2848),
    4.0: Published(18.403458, 0.0054, 18.096451, 0.0020, 1.2273),
    5.0: Published(18.264456, 0.0040, 18.142271, 0.0022, 0.6092),
    6.0: Published(18.200218, 0.0030, 18.157580, 0.0022, 0.2862),
}

# beta = 10: (electrons, Z) -> numbers
FERMI_FLOW_COUPLINGS = {
    (3, 2.0): Published(8.330569, 0.0032, 8.330042, 0.0032, 0.0063),
    (3, 4.0): Published(11.070159, 0.0044, 11.068985, 0.0043, 0.0067),
    (3, 8.0): Published(15.653213, 0.0066, 15.652937, 0.0066, 0.0061),
    (4, 2.0): Published(14.336026, 0.0045, 14.233757, 0.0044, 1.0279),
    (4, 4.0): Published(19.517475, 0.0070, 19.429745, 0.0070, 0.8835),
    (4, 8.0): Published(28.177938, 0.0123, 28.114532, 0.0122, 0.6391),
    (6, 2.0): Published(28.994048, 0.0089, 28.990877, 0.0088, 0.0273),
    (6, 4.0): Published(41.011621, 0.0113, 41.009027, 0.0113, 0.0342),
    (6, 8.0): Published(60.837360, 0.0152, 60.832379, 0.0151, 0.0471),
}
CONFIGURATION_INTERACTION = {
    (3, 2.0): Published(8.321599, 0.0003, 8.320519, 0.0003, 0.010793),
    (3, 4.0): Published(11.054048, 0.0002, 11.051284, 0.0002, 0.027643),
    (3, 8.0): Published(15.601508, 0.00003, 15.592168, 0.00003, 0.093406),
    (4, 2.0): Published(14.266731, 0.0015, 14.177040, 0.0015, 0.896917),
    (4, 4.0): Published(19.362436, 0.001, 19.285436, 0.001, 0.769998),
    (4, 8.0): Published(27.821746, 0.0002, 27.750782, 0.0002, 0.709643),
}
