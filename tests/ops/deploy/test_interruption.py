"""What a deploy does when it is told to stop."""

from __future__ import annotations

import os
import signal

import pytest

from ops.deploy.interruption import SIGNALS, Interrupted, Interruption


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_stops_what_is_being_done(number: signal.Signals) -> None:
    interruption = Interruption()
    with interruption.heard(), pytest.raises(Interrupted, match=number.name):
        os.kill(os.getpid(), number)
    assert interruption.asked == number.name


def test_a_second_one_only_says_that_it_stops_already(capsys: pytest.CaptureFixture[str]) -> None:
    interruption = Interruption()
    with interruption.heard():
        with pytest.raises(Interrupted):
            os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
    assert "stopping already" in capsys.readouterr().out


def test_what_has_to_be_finished_is_finished(capsys: pytest.CaptureFixture[str]) -> None:
    interruption = Interruption()
    with interruption.heard(), interruption.finishing("going back"):
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
    assert capsys.readouterr().out.count("going back; please wait") == 2
    assert interruption.asked is None


def test_afterwards_signals_do_what_they_did_before() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    with Interruption().heard():
        assert [signal.getsignal(number) for number in SIGNALS] != before
    assert [signal.getsignal(number) for number in SIGNALS] == before
