"""Workspace: one shop's data, models, rules and markets, from Python."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast, overload

from phantom.model import Model
from phantom_core.core.errors import InputError
from phantom_core.core.progress import no_progress, part_progress
from phantom_core.use_cases.owner import as_owner

if TYPE_CHECKING:
    import pyarrow as pa

    from phantom.results import (
        Calibration,
        ClassifierReport,
        DemoReport,
        Finding,
        IngestReport,
        Leakage,
        MarketTrial,
        MultitaskReport,
        Progress,
        Replay,
        RuleSet,
        Scenario,
    )
    from phantom_core.core.settings import Settings
    from phantom_core.views.workspace.snapshot import Snapshot

Days = tuple[str, str]


def open(workspace: str | Path | None = None) -> Workspace:
    """Open a workspace; one that does not exist yet is empty, and made by the first load.

    Args:
        workspace: its folder; None means PHANTOM_WORKSPACE, else data/workspace. Everything else
            an installation may change is read from PHANTOM_* variables, as on the command line.
    Raises:
        InputError: a PHANTOM_* variable that cannot be used.
    """
    from pydantic import ValidationError

    from phantom_core.core.settings import Settings

    try:
        settings = Settings() if workspace is None else Settings(workspace=Path(workspace))
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(
            f"PHANTOM_{str(first['loc'][0]).upper()} cannot be used: {first['msg']}."
        ) from None
    return Workspace(settings)


class Workspace:
    """One shop's data, models, rules and markets; `phantom.open` makes it.

    Every method looks at the workspace as it is now, also after the app, the command line or
    another process has changed it; reading tables brings features and scores up to date first.
    Methods that need the clock take `now_ms` (UTC milliseconds; the default is the real clock),
    long ones take `progress`, called with the share done in [0, 1] and a short phrase, which may
    raise `CancelledError` to stop them. Random work starts from `seed`; the default is
    PHANTOM_SEED. All methods raise subclasses of `PhantomError`.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._read: Snapshot | None = None

    def __repr__(self) -> str:
        return f"phantom.open({str(self.path)!r})"

    @property
    def path(self) -> Path:
        """Its folder."""
        return self._settings.workspace

    # Data

    @as_owner
    def load(
        self,
        paths: str | Path | Sequence[str | Path] = (),
        *,
        mapping: str | Path | None = None,
        experiments: str | Path | None = None,
        labels: str | Path | None = None,
        catalogue: str | Path | None = None,
        now_ms: int | None = None,
        progress: Progress = no_progress,
    ) -> IngestReport:
        """Load files; every row is accepted, a known duplicate, or in quarantine.

        Args:
            paths: files, folders and globs of events or quotes.
            mapping: what foreign columns mean: a mapping file, or the name of a shipped one; None
                where the files have the canonical format.
            experiments: a file, or postgresql://… with a table `experiments`.
            labels: a file of session and label.
            catalogue: a file of products, or postgresql://… with a table `catalogue`.
            now_ms: the clock, UTC milliseconds.
            progress: called after every batch.
        Returns:
            Rows read, accepted, and in quarantine by reason, of each file.
        Raises:
            InputError: nothing to load, or the one thing to load cannot be used.
            MappingError: no such mapping, or one that does not fit the columns.

        >>> report = shop.load("clicks.csv", now_ms=1_772_452_800_000)
        >>> report.loads[0].accepted
        2
        """
        from phantom_core.events.mapping import load_mapping
        from phantom_core.use_cases.data.ingest import ingest_files

        return ingest_files(
            self._settings,
            [paths] if isinstance(paths, str | Path) else paths,
            now_ms=_clock_ms(now_ms),
            mapping=load_mapping(str(mapping)) if mapping else None,
            experiments=str(experiments) if experiments else None,
            labels=str(labels) if labels else None,
            catalogue=str(catalogue) if catalogue else None,
            progress=progress,
        )

    @as_owner
    def load_demo(
        self, *, now_ms: int | None = None, progress: Progress = no_progress
    ) -> DemoReport:
        """Load generated shoppers, PHANTOM_DEMO_SESSIONS of them, whose last day is of the last
        seven; a second call adds nothing.
        """
        from phantom_core.use_cases.data.demo import load_demo, weeks_until

        now_ms = _clock_ms(now_ms)
        return load_demo(
            self._settings, now_ms=now_ms, weeks=weeks_until(now_ms), progress=progress
        )

    @as_owner
    def sessions(self) -> pa.Table:
        """Who the sessions belong to and how they ended, one row per session, the oldest first.

        Returns:
            session_id, experiment_id, store_mode, label (human, agent, unknown), family (NULL
            where not named), start, end (UTC), agent_probability (in [0, 1]; NULL without a model;
            out of fold for sessions that the model learned from), events (count), purchased,
            revenue (currency).

        >>> shop.sessions().column_names[:4]
        ['session_id', 'experiment_id', 'store_mode', 'label']
        """
        from phantom_core.views.workspace.tables import session_table

        return session_table(self._snapshot())

    @as_owner
    def features(self) -> pa.Table:
        """Features of all sessions, in the order of `sessions`.

        Returns:
            session_id, label, then every feature of the catalogue; NULL where undefined.
            `separation` has their units and meanings.
        """
        from phantom_core.views.workspace.tables import feature_table

        return feature_table(self._snapshot())

    @as_owner
    def events(self, session_id: str | None = None, *, limit: int | None = None) -> pa.Table:
        """Accepted events in order of time.

        Args:
            session_id: of one session; None means all.
            limit: most rows, the oldest first; None means all, which may not fit into memory.
        Returns:
            session_id, time (UTC), event_name, page, product_id, price_seen, amount_paid
            (currency), user_agent, experiment_id, store_mode, metadata (JSON text).
        """
        from phantom_core.views.workspace.tables import event_table

        return event_table(self._snapshot(), session_id, limit)

    @as_owner
    def quotes(self, session_id: str | None = None, *, limit: int | None = None) -> pa.Table:
        """Prices shown, in order of time.

        Args:
            session_id: of one session; None means all.
            limit: most rows, the oldest first; None means all.
        Returns:
            session_id, time (UTC), product_id, price, base_price (currency), propensity
            (probability with which an experiment chose this price; NULL where none did),
            experiment_id, store_mode.
        """
        from phantom_core.views.workspace.tables import quote_table

        return quote_table(self._snapshot(), session_id, limit)

    @as_owner
    def query(self, sql: str, values: Sequence[object] = ()) -> pa.Table:
        """Rows of a DuckDB query over `sessions`, with all features, `events`, `quotes`,
        `experiments`, `session_labels`, `catalogue`, `quarantine` and `loads`.

        Args:
            sql: one SELECT; `?` stands for a value.
            values: in the order of the question marks.
        Raises:
            InputError: DuckDB cannot run it; says why.

        >>> shop.query("SELECT COUNT(*) AS n FROM loads WHERE kind = ?", ["quotes"]).to_pylist()
        [{'n': 1}]
        """
        import duckdb

        snapshot = self._snapshot()
        try:
            return snapshot.arrow(sql, values)
        except duckdb.Error as error:
            raise InputError(
                f"This query cannot be run: {str(error).splitlines()[0]}.",
                hint="Relations: sessions, events, quotes, experiments, session_labels, "
                "catalogue, quarantine, loads.",
            ) from error

    @as_owner
    def separation(self) -> pa.Table:
        """What each feature means and how well it alone tells agents from humans.

        Returns:
            One row per feature: feature, family, unit, meaning, null_when, auc (probability that
            an agent's value is above a human's; NULL for a category or without labels), auc_low,
            auc_high (95 % interval over actors), ks (Kolmogorov-Smirnov distance, in [0, 1]),
            undefined_human, undefined_agent, undefined_unknown (share of the sessions).
        """
        from phantom_core.views.features.separation_table import separation_table

        return separation_table(self._snapshot())

    # Models

    @as_owner
    def train_classifier(
        self,
        *,
        folds: int = 5,
        without: Sequence[str] = (),
        for_pricing: bool = True,
        seed: int | None = None,
        now_ms: int | None = None,
        progress: Progress = no_progress,
    ) -> ClassifierReport:
        """Train the agent classifier, and evaluate it on actors it did not see.

        The first one is used at once; later ones are candidates.

        Args:
            folds: from 3 to 20, grouped by actor.
            without: feature families to leave out: timing, behavioural, product, user_agent.
            for_pricing: leaves out the features that prices may not depend on.
            seed: of everything random.
            now_ms: the clock, UTC milliseconds.
            progress: called all along; a model that was saved before it raises stays.
        Returns:
            Out-of-fold figures with intervals, baselines on the same folds, robustness.
        Raises:
            DataError: too few labels.
            InputError: folds or families that do not exist.
        """
        from phantom_core.lake.lake import open_lake
        from phantom_core.use_cases.models.study_classifier import study_classifier
        from phantom_core.use_cases.models.train_classifier import train_classifier

        lake = open_lake(self._settings)
        report = train_classifier(
            self._settings,
            lake,
            now_ms=_clock_ms(now_ms),
            n_folds=folds,
            without=without,
            for_pricing=for_pricing,
            seed=seed,
            progress=part_progress(progress, 0, 0.4),
        )
        return study_classifier(
            self._settings,
            lake,
            version=report.model_version,
            progress=part_progress(progress, 0.4, 1),
        )

    @overload
    def models(self, kind: Literal["classifier"]) -> tuple[Model[ClassifierReport], ...]: ...

    @overload
    def models(self, kind: Literal["multitask"]) -> tuple[Model[MultitaskReport], ...]: ...

    @as_owner
    def models(
        self, kind: Literal["classifier", "multitask"]
    ) -> tuple[Model[ClassifierReport], ...] | tuple[Model[MultitaskReport], ...]:
        """Saved models: the one in use, then the others, newest first.

        Args:
            kind: "classifier", or "multitask" for the network of agents and purchases.
        Raises:
            InputError: no such kind.
            DataError: a model whose files are damaged; says which.

        >>> newest = shop.models("classifier")[0]
        >>> newest.in_use, newest.report.ranking.roc_auc.value > newest.report.baselines.base_rate
        (True, True)
        """
        from phantom_core.model_kinds.model_kind import MODEL_KINDS
        from phantom_core.views.workspace.saved_models import (
            model_view,
            saved_versions,
            version_in_use,
        )

        found = MODEL_KINDS.find(kind)
        in_use = version_in_use(self._settings, found)
        views = (
            (name, model_view(self._settings, found, object, name))
            for name in saved_versions(self._settings, found)
        )
        models = tuple(
            Model(
                kind,
                name,
                name == in_use,
                view.manifest.created_ms,
                view.manifest.metrics,
                view.report,
                view.card,
            )
            for name, view in views
        )
        return cast(
            "tuple[Model[ClassifierReport], ...] | tuple[Model[MultitaskReport], ...]", models
        )

    @as_owner
    def score(self, *, version: str | None = None, progress: Progress = no_progress) -> pa.Table:
        """Probability of being an agent, one row per session.

        Args:
            version: of the classifier; None means the one in use.
            progress: called after every step.
        Returns:
            session_id, agent_probability (in (0, 1)), is_agent_predicted (at the model's
            threshold), model_version, is_out_of_fold.
        Raises:
            NotFoundError: no such classifier.
            DataError: it is damaged, or was trained on features that were defined differently.
        """
        from phantom_core.lake.lake import open_lake
        from phantom_core.use_cases.models.score import score_sessions

        return score_sessions(
            self._settings, open_lake(self._settings), version=version, progress=progress
        )

    # Rules

    @as_owner
    def rules(self, name_or_text: str, *, name: str = "rules") -> RuleSet:
        """A rule set: built in (none, bands), live, saved in the workspace, in a file, or written
        out as text, JSON or JDM.

        Args:
            name_or_text: which one, or the rules themselves.
            name: what results call rules that are written out.
        Raises:
            NotFoundError: there is none of this name.
            InputError: it is no rule set; says where.

        >>> shop.rules("ELSE markup 1.05").otherwise
        1.05
        """
        from phantom_core.use_cases.rules.rule_sets import read_rule_set

        return read_rule_set(self._settings, name_or_text, name)

    @as_owner
    def check(self, rules: RuleSet | str) -> tuple[Finding, ...]:
        """Everything wrong, doubtful or needless in a rule set; empty where no issue is found.

        Args:
            rules: a set, or what `rules` takes.
        Returns:
            Findings with a kind, a severity (error, warning, note), a sentence, and a fix.

        >>> [(found.severity, found.kind) for found in shop.check("ELSE markup 4.00")]
        [('error', 'out of guard rails')]
        """
        from phantom_core.use_cases.rules.check_rules import check_rule_set

        return check_rule_set(self._settings, self._rules(rules))

    @as_owner
    def replay(
        self,
        rules: RuleSet | str,
        *,
        against: RuleSet | str = "none",
        days: Days = ("", ""),
        as_of: Literal["quote", "session end"] = "quote",
        seed: int | None = None,
        save: bool = True,
        now_ms: int | None = None,
        progress: Progress = no_progress,
    ) -> Replay:
        """What two rule sets would have asked of the sessions in the quote log.

        Args:
            rules: a set, or what `rules` takes.
            against: the set it is compared with, such as "live".
            days: first and last day, ISO dates, UTC, both included; empty for an open end.
            as_of: up to when rules see a session; "session end" sees more than is known in time.
            seed: of the resamples.
            save: whether it becomes the workspace's latest replay, which the app shows.
            now_ms: the clock, UTC milliseconds.
            progress: called after every step; nothing is saved after it raises.
        Returns:
            Mark-ups by class, leakage recovered and off-policy revenue; `phantom.figures` makes a
            table of it.
        Raises:
            InputError: rules read what is not known of a session, or days that are none.
            DataError: no quote in the period.
        """
        from phantom_core.replay.period import period_of
        from phantom_core.use_cases.rules.replay_rules import replay_rules

        return replay_rules(
            self._settings,
            self._rules(rules),
            self._rules(against),
            now_ms=_clock_ms(now_ms),
            period=period_of(*days),
            as_of=as_of,
            seed=seed,
            keep=save,
            progress=progress,
        )

    @as_owner
    def leakage(
        self,
        *,
        rules: RuleSet | str = "bands",
        days: Days = ("", ""),
        seed: int | None = None,
        now_ms: int | None = None,
        progress: Progress = no_progress,
    ) -> Leakage:
        """What agents paid less than each reference price; becomes the workspace's latest ledger.

        Args:
            rules: the set that the breakdown by rule, and the impact on humans, stand for.
            days: first and last day, ISO dates, UTC, both included; empty for an open end.
            seed: of the resamples.
            now_ms: the clock, UTC milliseconds.
            progress: called after every step; nothing is saved after it raises.
        Returns:
            Totals and their parts in currency, with 95 % intervals; `phantom.figures` makes a
            table of the parts.
        Raises:
            InputError: rules read what is not known of a session, or days that are none.
            DataError: nothing was bought in the period, or nothing tells agents from humans.
        """
        from phantom_core.replay.period import period_of
        from phantom_core.use_cases.rules.measure_leakage import measure_leakage

        return measure_leakage(
            self._settings,
            self._rules(rules),
            now_ms=_clock_ms(now_ms),
            period=period_of(*days),
            seed=seed,
            progress=progress,
        )

    # Markets

    @as_owner
    def calibrate(
        self,
        *,
        seed: int | None = None,
        now_ms: int | None = None,
        progress: Progress = no_progress,
    ) -> Calibration:
        """Measure arrivals, agent share, base prices and price sensitivities of this shop; becomes
        the scenario "calibrated".

        Args:
            seed: of the resamples.
            now_ms: the clock, UTC milliseconds.
            progress: called after every step; nothing is saved after it raises.
        Returns:
            What was measured, with 95 % intervals; `.scenario()` makes a market of it, and where
            that is not identified, `.refusal` says why.
        Raises:
            DataError: there is no session.
        """
        from phantom_core.use_cases.markets.calibrate import calibrate_market

        return calibrate_market(
            self._settings, now_ms=_clock_ms(now_ms), seed=seed, progress=progress
        )

    @as_owner
    def scenarios(self) -> Mapping[str, Scenario]:
        """Markets by name: those that come with PHANTOM, the workspace's own (own-…), and the one
        measured on its data (calibrated).

        >>> shop.scenarios()["tight"].horizon_h
        24
        """
        from phantom_core.views.simulator.scenario_choice import scenario_choices

        return {name: choice.scenario for name, choice in scenario_choices(self._settings).items()}

    @as_owner
    def simulate(
        self,
        scenario: Scenario | str,
        policies: Sequence[str] = ("fixed", "best_fixed", "surge", "elasticity", "bands"),
        *,
        episodes: int = 400,
        seed: int | None = None,
        now_ms: int | None = None,
        progress: Progress = no_progress,
    ) -> MarketTrial:
        """Let policies set prices for the same simulated shoppers, and save the trial.

        Args:
            scenario: a market, a name of `scenarios`, or a TOML file.
            policies: fixed, fixed:1.2, best_fixed, surge, elasticity, bands, optimum (one product
                only), rules:FILE, ppo:RUN.
            episodes: how often each is played, 2 to 20,000.
            seed: of the shoppers.
            now_ms: the clock, UTC milliseconds.
            progress: called all along; nothing is saved after it raises.
        Returns:
            Figures per episode with 95 % intervals, beside the base price, the best fixed price
            and the optimum; `phantom.figures` and `phantom.paths` make tables of it.
        Raises:
            InputError: no policy, an unknown one, or one that does not fit.
            NotFoundError: no such scenario, rules file or trained policy.
        """
        from phantom_core.market.scenario import load_scenario
        from phantom_core.use_cases.markets.simulate import simulate_policies

        if isinstance(scenario, str):
            scenario = self.scenarios().get(scenario) or load_scenario(scenario)
        return simulate_policies(
            self._settings,
            scenario,
            policies,
            n_episodes=episodes,
            seed=seed,
            now_ms=_clock_ms(now_ms),
            progress=progress,
        ).trial

    def _rules(self, rules: RuleSet | str) -> RuleSet:
        return self.rules(rules) if isinstance(rules, str) else rules

    def _snapshot(self) -> Snapshot:
        """The data as they are now; read again where something was loaded, trained or promoted."""
        from phantom_core.views.workspace.snapshot import open_snapshot, read_stamp

        stamp = read_stamp(self._settings)
        if self._read is None or self._read.stamp != stamp:
            self._read = open_snapshot(self._settings, stamp)
        return self._read


def _clock_ms(now_ms: int | None) -> int:
    """The real clock, where the caller brings none, UTC milliseconds."""
    return time.time_ns() // 1_000_000 if now_ms is None else now_ms
