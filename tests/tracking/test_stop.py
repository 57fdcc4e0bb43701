"""A signal is told as a signal wherever it meets the program."""

import os
import signal

import pytest

from vfe_lightning.errors import Interrupted, NotFinite
from vfe_lightning.tracking.stop import GracefulStop


def test_a_signal_that_a_library_wraps_is_still_a_signal():
    """As MLflow does with all that is raised inside of its database sessions."""
    with pytest.raises(Interrupted) as told, GracefulStop():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            signal.pause()
        except Interrupted as error:
            raise RuntimeError("database") from error
    assert told.value.signum == signal.SIGTERM


def test_other_errors_stay_what_they_are():
    with pytest.raises(NotFinite), GracefulStop():
        raise NotFinite("F is nan")
    stop = GracefulStop()
    with pytest.raises(NotFinite), stop:
        stop.looping = True
        os.kill(os.getpid(), signal.SIGTERM)  # is to end after the step, which fails first
        raise NotFinite("F is nan")
