"""Atomic units in those of tables: CODATA 2018."""

KELVIN = 315775.02480407  # in a Hartree
GIGAPASCAL = 29421.0156  # in a Hartree per cubic Bohr
RYDBERG = 0.5  # in Hartree
