"""The level set term joins once the segmentation loss has converged, at the latest when the settings say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ulskit.model.training.convergence import ConvergenceRule
from ulskit.model.training.settings import LevelSetSettings


def joined(losses, epochs=80, **settings):
    rule = ConvergenceRule(LevelSetSettings(**settings), epochs)
    for loss in losses:
        rule.update(loss)
    return rule.since


def test_it_waits_while_the_loss_falls():
    assert joined([10 * 0.9**n for n in range(30)]) is None


def test_it_joins_patience_epochs_after_the_loss_has_stopped_falling():
    losses = [5, 4, 3, 2] + [2] * 5
    assert joined(losses, patience=5) == len(losses)
    assert joined(losses[:-1], patience=5) is None


def test_one_bad_epoch_does_not_count_as_convergence():
    assert joined([5, 4, 9, 3, 2.5, 2, 1.5], patience=3) is None


def test_it_joins_at_the_latest_share_of_the_epochs():
    falling = [10 * 0.9**n for n in range(40)]
    assert joined(falling[:39], epochs=80, latest=0.5) is None
    assert joined(falling, epochs=80, latest=0.5) == 40


@pytest.mark.parametrize("start", [0, 1, 7])
def test_a_number_replaces_the_rule(start):
    rule = ConvergenceRule(LevelSetSettings(start=start), 80)
    for epoch in range(10):
        assert rule.active(epoch) == (epoch >= start)
        rule.update(1.0)


def test_without_a_level_set_it_never_joins():
    rule = ConvergenceRule(LevelSetSettings(loss="none", start=0), 80)
    assert not rule.active(50)


@given(st.lists(st.floats(0.01, 100), max_size=80), st.integers(0, 79))
def test_a_resumed_rule_is_the_same_rule(losses, cut):
    whole, first = (ConvergenceRule(LevelSetSettings(), 80) for _ in range(2))
    for loss in losses[:cut]:
        first.update(loss)
    resumed = ConvergenceRule(LevelSetSettings(), 80)
    resumed.load_state_dict(first.state_dict())
    for loss in losses[cut:]:
        resumed.update(loss)
    for loss in losses:
        whole.update(loss)
    assert resumed.since == whole.since
