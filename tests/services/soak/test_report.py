"""The report of a soak, as a table."""

from tests.services.soak.samples import soak_report


def test_the_table_says_whether_the_ledger_balances() -> None:
    text = soak_report().to_text()
    assert text.endswith(
        "The ledger balances. 0.5 of 1.0 minutes blind; all of it in the lake: 1.5 s later."
    )
    assert "| kill-worker | 2 | 0.1 | 3 | 1 | 0 | 30 | 0 |" in text
    assert "| full-disk | 4 | left out: no disk | – |" in text
    assert "| memory of worker | 10.0 | 10.0 | 10.0 | 10.0 |" in text


def test_a_missing_event_unbalances_it() -> None:
    found = soak_report(missing=1)
    assert not found.is_balanced
    assert "does not balance" in found.to_text()
