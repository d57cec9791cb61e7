"""A change request as figures: of evidence from any release, and of parts that could not be had."""

from phantom_core.evidence.evidence import Part
from phantom_core.views.approvals.change_requests import effects_table, request_effects, trial_table
from tests.evidence.samples import evidence, stored


def test_evidence_of_an_earlier_release_is_shown_like_any_other() -> None:
    found = {name: (value, low, high) for name, value, low, high in request_effects(stored())}
    assert list(found) == [
        "Average premium paid by humans",
        "Humans marked up",
        "Leakage recovered, constant",
        "Leakage recovered, clean quote",
        "Leakage recovered, optimal",
        "Simulated revenue against live",
        "Simulated leakage against live",
        "Simulated reward against live",
    ]
    assert found["Average premium paid by humans"] == (
        0.003231939163498102,
        0.0006867697594501724,
        0.007002851865383841,
    )
    assert found["Leakage recovered, constant"][0] == 380.6499999999999
    assert found["Simulated revenue against live"][0] == -40.807100911315956
    table = trial_table(stored()).set_index("prices")
    assert table["reward"].round(2).to_dict() == {
        "optimum": 1227.06,
        "live": 1201.9,
        "proposed": 1177.1,
    }
    assert table["share_of_optimum"].round(4).to_dict() == {
        "optimum": 1.0,
        "live": 0.9795,
        "proposed": 0.9593,
    }


def test_parts_without_figures_leave_theirs_out() -> None:
    nothing = evidence(replay=Part(None, "No quotes."), trial=Part(None, "No classifier."))
    assert request_effects(nothing) == []
    assert effects_table(nothing).empty and trial_table(nothing).empty
