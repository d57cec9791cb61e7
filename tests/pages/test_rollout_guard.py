"""The page Live says what the guard of a rollout last found of its canary."""

from pathlib import Path

from streamlit.testing.v1 import AppTest

from phantom_core.approvals.rollout_guard_log import GuardResult, store_guard_result
from phantom_core.core.settings import Settings
from phantom_core.use_cases.approvals.change_requests import control_database
from tests.pages.conftest import texts

EPOCH, REASON = 7, "A loss of 20% of human conversion is not excluded yet."


def script(workspace: str, epoch: int) -> None:
    from pathlib import Path

    from phantom_core.accounts.actors import Internal, acting_as
    from phantom_core.core.settings import Settings
    from ui.live.guard import draw_guard

    with acting_as(Internal.SHELL):
        draw_guard(Settings(workspace=Path(workspace)), epoch)


def test_it_shows_the_newest_result_of_this_release_alone(tmp_path: Path) -> None:
    settings = Settings(workspace=tmp_path)
    result = GuardResult(EPOCH, "hold", (REASON,), 1_772_500_000_000)
    store_guard_result(control_database(settings), result)
    page = AppTest.from_function(script, args=(str(tmp_path), EPOCH), default_timeout=60).run()
    assert not page.exception
    assert f"**The guard holds the next step.** {REASON} Checked" in texts(page)
    page = AppTest.from_function(script, args=(str(tmp_path), EPOCH + 1), default_timeout=60).run()
    assert "The guard has not looked at this canary yet." in texts(page)
    control_database(settings).dispose()
