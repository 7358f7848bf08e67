from __future__ import annotations

import pytest

from skelstream.training.schedule import Schedule


def test_the_rate_rises_stays_and_falls_in_a_straight_line() -> None:
    schedule = Schedule(samples=1000, minutes=0, warmup=100, cooldown=0.4)
    factors = [schedule.factor(sample, 0.0, 10) for sample in range(0, 1001, 10)]
    assert factors[0] == pytest.approx(10 / 110)
    assert factors[:11] == sorted(factors[:11])
    assert set(factors[10:61]) == {1.0}
    assert factors[60:] == sorted(factors[60:], reverse=True)
    assert factors[80] == pytest.approx(0.5) and factors[100] == 0


def test_what_comes_before_the_cool_down_does_not_know_the_end() -> None:
    short, long = Schedule(1000, 0, 100, 0.5), Schedule(5000, 0, 100, 0.5)
    before = [sample for sample in range(0, 1000, 10) if not short.cooling(sample, 0.0)]
    assert before[-1] == 500
    assert [short.factor(s, 0.0, 10) for s in before] == [long.factor(s, 0.0, 10) for s in before]


def test_minutes_take_the_place_of_samples() -> None:
    schedule = Schedule(samples=10, minutes=2, warmup=0, cooldown=0.5)
    assert schedule.done(10**6, 60.0) == 0.5 and not schedule.cooling(10**6, 60.0)
    assert schedule.factor(10**6, 90.0, 10) == pytest.approx(0.5)
    assert schedule.done(0, 500.0) == 1


def test_a_run_without_a_cool_down_keeps_its_rate() -> None:
    assert Schedule(100, 0, 0, 0.0).factor(99, 0.0, 1) == 1
