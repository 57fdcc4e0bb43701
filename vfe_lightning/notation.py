"""How a number is written with its error and its units."""

import math

ROUNDING = 1e-12  # relative errors below it are not those of samples
NOTHING = 1e-290  # nor absolute ones
LARGEST = 1000  # errors of more units are written with a power of ten


def with_error(value: float, error: float) -> str:
    """-4.8935(10): the error in units of the last digits, two of them; rounding is no error."""
    known = math.isfinite(value) and math.isfinite(error)
    if not known or error <= max(abs(value) * ROUNDING, NOTHING):
        return f"{value:.8g}"
    digits = _digits(error)
    scale = max(round(abs(value), digits), error)
    power = math.floor(math.log10(scale))
    if power < -4 or error >= LARGEST:
        digits = _digits(error / 10.0**power)
        return f"{value / 10.0**power:.{digits}f}({_units(error / 10.0**power, digits)})e{power}"
    digits = max(0, digits)
    return f"{value:.{digits}f}({_units(error, digits)})"


def _digits(error: float) -> int:
    """Behind the point, for two of the error."""
    digits = 1 - math.floor(math.log10(error))
    return digits - 1 if round(error * 10.0**digits) == 100 else digits


def _units(error: float, digits: int) -> str:
    """The error in units of the last digit, with a point where that is no help: 3.2(1.5), not 3.2(15)."""
    return f"{error:.{digits}f}" if digits and error >= 1 else str(round(error * 10.0**digits))


def units_text(units: str, per: str) -> str:
    """ "Ry per electron"; nothing for plain numbers."""
    return f"{units} per {per}" if units and per else units
