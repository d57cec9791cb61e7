"""An extension added as a file is in every choice, list and document until it is removed."""

import importlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

import phantom_core.cli
from phantom_core.core.errors import InputError
from phantom_core.core.limits import GuardRails
from phantom_core.core.registry import Reference
from phantom_core.core.settings import Settings
from phantom_core.events.formats.source_format import FORMATS, format_list
from phantom_core.events.sources import discover_files, open_source
from phantom_core.lake.lake import open_lake
from phantom_core.market import scenario
from phantom_core.market.policies.choose import policies_named
from phantom_core.market.policies.kind import POLICIES, plain_policies
from phantom_core.market.trial import run_trial
from phantom_core.model_kinds.model_kind import MODEL_KINDS, default_kind
from phantom_core.rules.checks.check import check_rules
from phantom_core.rules.checks.limits import RuleLimits
from phantom_core.rules.checks.rule_check import CHECKS
from phantom_core.rules.text import parse_rules
from phantom_core.use_cases.explanations.distil import teachings
from phantom_core.use_cases.explanations.explain import ExplanationScope, explain
from phantom_core.use_cases.models.retrain import retrain_models
from phantom_core.views.simulator.policy_choice import policy_choices, policy_title
from phantom_core.views.simulator.scenario_choice import scenario_choices
from phantom_core.views.workspace.saved_models import saved_versions
from tests.conftest import NOW_MS
from tests.extensions import added_file
from ui.charts.simulator import policy_colours
from ui.frame import page_spec
from ui.frame.documents import FOLDER, document_lists, with_lists

POLICY = """
from phantom_core.market.policies.fixed import Fixed
from phantom_core.market.policies.kind import POLICIES, PolicyKind

POLICIES.register(
    PolicyKind(
        "half",
        "Half price",
        "Half the base price.",
        35,
        lambda _: Fixed(0.5, "half"),
        colour="#123456",
    )
)
"""
CHECK = """
from phantom_core.rules.checks.finding import Finding
from phantom_core.rules.checks.rule_check import rule_check


@rule_check("odd name", order=5, severity="note", description="the rule set is called odd")
def odd_name(prepared):
    if prepared.rules.name == "odd":
        yield Finding("odd name", "note", (), "It is called odd.", "Call it something else.")
"""
FORMAT = """
from phantom_core.events.formats.delimited import CsvSource
from phantom_core.events.formats.source_format import FORMATS, SourceFormat

FORMATS.register(
    SourceFormat(
        "stars", "Stars", "Cells between stars.", 25, (".stars",), True,
        lambda suffix, start: suffix == ".stars",
        lambda asked: CsvSource(asked.path, asked.encoding, asked.max_chars, "*"),
    )
)
"""
PAGE = '''"""Clock: what time it is."""

import streamlit as st

from ui.frame.page_spec import PageSpec

PAGE = PageSpec(title="Clock", icon=":material/alarm:", section="Events", order=25)

st.title(PAGE.title)
'''
MODEL = '''
from dataclasses import dataclass, replace

from phantom_core.core.errors import DataError
from phantom_core.model_kinds.classifier import CLASSIFIER
from phantom_core.model_kinds.model_kind import MODEL_KINDS, Teaching
from phantom_core.core.registry import Reference

HERE = "phantom_core.model_kinds.coin:"


def train_coin() -> None:
    """Toss a coin."""


@dataclass
class Tossing:
    settings: object
    lake: object
    kind: str = "coin"

    def window(self, end_ms):
        raise DataError("A coin learns from nothing.")


def explain(settings, lake, request, progress):
    return {"answer": request.output or "heads"}


MODEL_KINDS.register(
    replace(
        CLASSIFIER,
        name="coin",
        order=15,
        title="Coin",
        noun="coin",
        description="Heads or tails.",
        published_as="coin:latest",
        answers={"agent": "Coin"},
        teachings=(Teaching("coin", "Coin", Reference(HERE + "explain")),),
        train_verb=Reference(HERE + "train_coin"),
        retraining=Reference(HERE + "Tossing"),
        explain=Reference(HERE + "explain"),
    )
)
'''


def written(name: str) -> str:
    return document_lists()[name].to_markdown()


def test_a_policy_joins_choosers_trials_charts_and_documents(tmp_path: Path) -> None:
    market = scenario.load_scenario("tight")
    order, usual = (
        plain_policies(),
        ("fixed", "best_fixed", "surge", "elasticity", "bands", "optimum"),
    )
    assert order == usual
    with added_file(POLICIES, "phantom_core.market.policies", tmp_path, "half_price", POLICY):
        assert plain_policies() == (*usual[:3], "half", *usual[3:])
        assert (
            policy_choices(Settings(workspace=tmp_path), (market,))["half"].title
            == policy_title("half")
            == "Half price"
        )
        trial = run_trial(
            market, policies_named("half", market, seed=1, runs=tmp_path), n_episodes=10, seed=1
        )
        assert np.allclose(
            [ratio for ratio in trial.results[0].paths.ratio if ratio], market.lowest_ratio
        )
        assert policy_colours(trial.results)["half"] == "#123456"
        assert "| `half` | Half price | Half the base price. |" in written("policies")
    assert plain_policies() == usual
    assert "half" not in written("policies")
    with pytest.raises(InputError, match="There is no policy 'half'"):
        policies_named("half", market, seed=1, runs=tmp_path)


def test_policies_keep_their_colours() -> None:
    assert policy_colours([]) == {
        "fixed": "#8b949b",
        "best_fixed": "#5f8fb8",
        "surge": "#c2574b",
        "elasticity": "#b8902f",
        "bands": "#e07a2f",
        "regret": "#8a6d5b",
        "robust": "#4b6fd1",
        "optimum": "#0f9488",
    }


def test_a_scenario_joins_choosers_lists_and_documents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = shutil.copytree(scenario.SHIPPED, tmp_path / "scenarios")
    (shipped / "calm.toml").write_text('title = "Calm"\nnote = "Few visitors."\n')
    before, settings = (
        list(scenario_choices(Settings(workspace=tmp_path))),
        Settings(workspace=tmp_path),
    )
    with monkeypatch.context() as patch:
        patch.setattr(scenario, "SHIPPED", shipped)
        assert set(scenario_choices(settings)) - set(before) == {"calm"}
        listed = CliRunner().invoke(phantom_core.cli.app, ["simulate", "scenarios", "--json"])
        assert json.loads(listed.stdout)["calm"] == "Calm. Few visitors."
        assert "| calm | Calm | Few visitors. |" in written("scenarios")
    assert list(scenario_choices(settings)) == before
    assert "calm" not in written("scenarios")


def test_a_rule_check_joins_the_check_and_documents(tmp_path: Path) -> None:
    rules = parse_rules("ELSE markup 1.00", "odd")
    with added_file(CHECKS, "phantom_core.rules.checks", tmp_path, "odd", CHECK):
        assert [one.kind for one in check_rules(rules, RuleLimits({}, GuardRails(0.7, 1.5)))] == [
            "odd name"
        ]
        assert "| odd name | note | the rule set is called odd |" in written("rule checks")
    assert check_rules(rules, RuleLimits({}, GuardRails(0.7, 1.5))) == ()
    assert "odd name" not in written("rule checks")


def test_a_file_format_joins_loading_help_and_documents(tmp_path: Path) -> None:
    module, data = tmp_path / "module", tmp_path / "data"
    module.mkdir()
    data.mkdir()
    (data / "a.stars").write_text("session*what\ns1*search\n")
    with added_file(FORMATS, "phantom_core.events.formats", module, "stars", FORMAT):
        assert discover_files(data) == [data / "a.stars"]
        assert open_source(data / "a.stars").columns.names == ("session", "what")
        assert "Stars (also .gz and .zst)" in format_list()
        assert "| Stars | .stars | Cells between stars. |" in written("file formats")
    with pytest.raises(InputError, match="There is nothing to load"):
        discover_files(data)
    assert "Stars" not in written("file formats")


def test_a_page_joins_the_menu_and_documents(
    components: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, own = tmp_path / "app.py", page_spec.FOLDER
    shutil.copy(own.parent / "app.py", app)
    pages = shutil.copytree(own, tmp_path / "pages")
    (pages / "clock.py").write_text(PAGE)
    monkeypatch.setenv("PHANTOM_WORKSPACE", str(tmp_path / "workspace"))
    with monkeypatch.context() as patch:
        patch.setattr(page_spec, "FOLDER", pages)
        names = [page.name for page in page_spec.all_pages()]
        assert names[:4] == ["overview", "data", "clock", "sessions"]
        assert "| clock | Events | Clock | what time it is. |" in written("pages")
        shown = AppTest.from_file(app, default_timeout=60).switch_page("pages/clock.py").run()
        assert not shown.exception
        assert [title.value for title in shown.title] == ["Clock"]
    assert "clock" not in written("pages")


def test_a_page_that_says_nothing_of_itself_is_named(tmp_path: Path) -> None:
    (tmp_path / "silent.py").write_text('"""Silent."""\n')
    with pytest.raises(ValueError, match=r"silent\.py does not declare its page"):
        page_spec.all_pages(tmp_path)


def test_the_menu_is_what_it_was() -> None:
    sections: dict[str, list[str]] = {}
    for page in page_spec.all_pages():
        sections.setdefault(page.spec.section, []).append(page.name)
    assert sections == {
        "": ["overview"],
        "Events": ["data", "sessions", "features", "labels", "sql"],
        "Models": ["classifier", "demand", "explain"],
        "Pricing": ["frontier", "rules", "leakage", "simulator"],
        "Production": ["approvals", "live", "monitoring", "experiments"],
        "Control": ["audit", "jobs", "privacy", "people"],
    }


def test_a_kind_of_model_joins_verbs_retraining_explanations_and_documents(tmp_path: Path) -> None:
    module, settings = tmp_path / "module", Settings(workspace=tmp_path / "workspace")
    module.mkdir()
    lake = open_lake(settings)
    with added_file(MODEL_KINDS, "phantom_core.model_kinds", module, "coin", MODEL):
        assert MODEL_KINDS.names() == ("classifier", "coin", "multitask")
        assert "coin" in help_of("train")
        assert [one.name for one in teachings()] == ["classifier", "coin", "network", "optimal"]
        assert saved_versions(settings, MODEL_KINDS.find("coin")) == ()
        assert explain(settings, lake, "coin", ExplanationScope(output="agent")) == {
            "answer": "agent"
        }
        [verdict] = retrain_models(settings, lake, now_ms=NOW_MS, kinds=["coin"]).verdicts
        assert (verdict.kind, verdict.outcome, verdict.why) == (
            "coin",
            "skipped",
            "A coin learns from nothing.",
        )
        assert "| coin | Coin | Heads or tails. |" in written("models")
    assert "coin" not in help_of("train")
    assert "coin" not in written("models")
    with pytest.raises(InputError, match="There is no kind of model 'coin'"):
        retrain_models(settings, lake, now_ms=NOW_MS, kinds=["coin"])


def help_of(*verb: str) -> str:
    """The help text of a verb, from a newly imported command line."""
    app = importlib.reload(phantom_core.cli).app
    return CliRunner().invoke(app, [*verb, "--help"]).stdout


def test_kinds_of_models_are_in_order_and_name_code_that_is_there() -> None:
    assert MODEL_KINDS.names() == ("classifier", "multitask")
    assert default_kind() == "classifier"
    for kind in MODEL_KINDS.all():
        named = [getattr(kind, field) for field in kind.__dataclass_fields__]
        found = [one.load() for one in named if isinstance(one, Reference)] + [
            one.read.load() for one in kind.teachings
        ]
        assert all(callable(one) for one in found)
        assert len(found) >= 6
        assert page_spec.find_page(kind.page).spec.section == "Models"


def test_two_of_one_name_are_a_mistake_in_the_code() -> None:
    with pytest.raises(ValueError, match="called 'fixed' twice"):
        POLICIES.register(POLICIES.find("fixed"))


@pytest.mark.parametrize("document", sorted(path.name for path in FOLDER.glob("*.md")))
def test_lists_in_documents_are_current(document: str) -> None:
    text = (FOLDER / document).read_text(encoding="utf-8")
    assert text == with_lists(text), "Run: python -m ui.frame.documents"


def test_the_command_line_lists_extensions() -> None:
    found = json.loads(CliRunner().invoke(phantom_core.cli.app, ["extensions", "--json"]).stdout)
    assert list(found) == ["models", "policies", "scenarios", "rule checks", "file formats"]
    assert list(found["policies"]) == [kind.written for kind in POLICIES.all()]
