"""The pricing service: the parts behind a request, apart from HTTP."""

import asyncio
import logging
import time
from dataclasses import replace
from typing import Final

from phantom_core.approvals.limits import read_price_limits, seed_price_limits
from phantom_core.core.background import BackgroundThread
from phantom_core.core.errors import UnavailableError
from phantom_core.core.kill_file import KillOrder, remove_kill_file, write_kill_file
from phantom_core.core.settings import Settings
from phantom_core.core.telemetry.metrics import KILLED, STATEMENT_AGE, count_fallback, count_price
from phantom_core.messages.decision_log import DecisionLog, segments_folder
from phantom_core.model_kinds.model_kind import MODEL_KINDS
from phantom_core.models.optimal_price import PricingObjective
from phantom_core.publishing.canary import in_canary
from phantom_core.services.pricing.answer import (
    AgentAnswer,
    HealthAnswer,
    ModelAnswer,
    ModelsAnswer,
    ReloadAnswer,
    price_answer,
)
from phantom_core.services.pricing.catalogue_cache import CatalogueCache
from phantom_core.services.pricing.decision import PriceRequest, SessionState, decide_price
from phantom_core.services.pricing.drain_process import DrainProcess
from phantom_core.services.pricing.followed import FollowedDocuments
from phantom_core.services.pricing.kill_switch import KillSwitch
from phantom_core.services.pricing.models import open_safely
from phantom_core.services.pricing.product import PricedProduct
from phantom_core.services.pricing.published_state import PublishedState
from phantom_core.services.pricing.refresh import Refresh
from phantom_core.services.pricing.scores import agent_probability
from phantom_core.services.pricing.session import SessionReader
from phantom_core.signing.keys import public_keys
from phantom_core.valkey.address import checked_url
from phantom_core.valkey.embedded import join_server
from phantom_core.valkey.embedded import server_url as embedded_url
from phantom_core.valkey.server import connect_server

_LOGGER: Final = logging.getLogger(__name__)
_FIRST_READ_S: Final = 15.0
_LOG_SALT: Final = "decision-log"
_UNKNOWN_SESSION: Final = SessionState()


def initial_objective(settings: Settings) -> PricingObjective:
    """The pricing objective of the model's price; its guard rails apply until something is live,
    which brings its own.

    They are those in force when the service starts, or the settings' own where the control database
    does not answer: prices go on.
    """
    try:
        limits = read_price_limits(settings)
    except UnavailableError as error:
        limits = seed_price_limits(settings)
        _LOGGER.warning("Guard rails are the settings' own until something is live. %s", error)
    return PricingObjective(
        limits.guard_rails, settings.objective.reference_ratio, settings.objective.leakage_weight
    )


class Pricing:
    """Prices products for sessions.

    Args:
        settings: workspace, server, catalogue, deadline.
        drain: writes decisions to the lake; None where another process does.
    Raises:
        InputError: the catalogue or the server's address cannot be used.
        UnavailableError: the catalogue's database does not answer.
    """

    def __init__(self, settings: Settings, drain: DrainProcess | None = None) -> None:
        self._settings, self._drain = settings, drain
        self._catalogue = CatalogueCache(settings)
        try:
            client = connect_server(settings)
            url = (
                checked_url(settings.redis_url)
                if settings.redis_url
                else embedded_url(settings.workspace)
            )
            self._kill = KillSwitch(settings)
            self._refresh = Refresh(
                client,
                lambda: public_keys(settings),
                FollowedDocuments(settings.paths.followed),
                lambda published: open_safely(published, settings.paths.opened_models),
                # A server of others is theirs to start.
                revive=lambda: None if settings.redis_url else join_server(settings.workspace),
            )
            self._reader = SessionReader(
                url,
                settings.pricing.pricing_deadline_ms / 1_000,
                settings.pricing.late_features_s,
                lambda: self._refresh.keys,
            )
            self._log = (
                DecisionLog(segments_folder(settings.workspace))
                if settings.pricing.decision_log_share > 0
                else None
            )
        except BaseException:
            self._catalogue.stop()
            raise
        self._objective = initial_objective(settings)
        self._started_ms = time.time_ns() // 1_000_000

    async def start(self) -> None:
        """Connect and read what is published; goes on without it where Redis does not answer."""
        await self._reader.start()
        self._kill.thread.start()
        if self._drain:
            self._drain.thread.start()
        await asyncio.to_thread(self._refresh.start, _FIRST_READ_S)

    async def stop(self) -> None:
        """Stop; every decision is on disk afterwards."""
        await self._reader.stop()
        await asyncio.to_thread(self._stop)

    def _stop(self) -> None:
        self._kill.thread.stop()
        self._refresh.stop()
        self._catalogue.stop()
        if self._log:
            self._log.close()
        if self._drain:  # last, since it takes what the log has just written
            self._drain.thread.stop()

    @property
    def state(self) -> PublishedState:
        """What is published, as this service has loaded it, and killed where its file is there."""
        state = self._refresh.state
        return state if self._kill.order is None else state.killed()

    def kill(self, who: str, why: str) -> None:
        """Turn on the kill switch of this service, whatever Redis and the database do.

        Raises:
            UnavailableError: its file cannot be created.
        """
        write_kill_file(self._settings, KillOrder(who, why, time.time_ns() // 1_000_000))
        self._kill.look()

    def lift_kill(self) -> None:
        """Remove the kill file; a kill switch that was published stays on.

        Raises:
            UnavailableError: the file cannot be removed.
        """
        remove_kill_file(self._settings)
        self._kill.look()

    async def price(
        self, store_mode: str, product_id: str, session_id: str | None, experiment_id: str | None
    ) -> dict[str, object]:
        """The answer to a price request; the fields of PriceAnswer.

        Raises:
            NotFoundError: no such product.
        """
        product = self._catalogue.find(product_id)
        now_ms = time.time_ns() // 1_000_000
        session = await self._read_session(product, session_id, now_ms)
        started_s = time.perf_counter()
        state = self.state
        request = PriceRequest(store_mode, product, session_id, experiment_id, now_ms)
        share = self._settings.pricing.decision_log_share
        decision, priced = decide_price(state, request, session, self._objective, share)
        if self._log and (
            share >= 1 or in_canary(session_id or decision.decision_id, _LOG_SALT, share)
        ):
            took_ms = 1_000 * (time.perf_counter() - started_s)
            self._log.append(replace(decision, decide_ms=round(took_ms, 3)))
        if priced.reason:
            count_fallback(priced.reason)
        count_price(
            source=priced.source,
            rule=priced.rule_id or "",
            version=priced.rules_version or "",
            markup_ratio=priced.price / product.base_price,
            agent_probability=decision.agent_probability,
            seconds=time.perf_counter() - started_s,
        )
        return price_answer(decision, priced, state.elasticities.get(product_id))

    async def _read_session(
        self, product: PricedProduct, session_id: str | None, now_ms: int
    ) -> SessionState:
        return (
            _UNKNOWN_SESSION
            if session_id is None
            else await self._reader.read(session_id, product.product_id, now_ms)
        )

    @property
    def catalogue(self) -> CatalogueCache:
        """The products that are priced."""
        return self._catalogue

    async def agent(self, session_id: str) -> AgentAnswer:
        """Whether a session is likely an agent's."""
        session = await self._reader.read(session_id, "", time.time_ns() // 1_000_000)
        classifier = self.state.classifier
        if session.features is None or classifier is None:
            reason = session.reason or (
                "no_features" if session.features is None else "model_missing"
            )
            return AgentAnswer(
                sessionId=session_id,
                agent_probability=None,
                is_agent=None,
                threshold=None,
                model_version="",
                reason=reason,
            )
        probability = agent_probability(classifier, session.features)
        return AgentAnswer(
            sessionId=session_id,
            agent_probability=probability,
            is_agent=None if probability is None else probability >= classifier.decision.threshold,
            threshold=classifier.decision.threshold,
            model_version=classifier.version,
            reason="model_broken" if probability is None else None,
        )

    def models(self) -> ModelsAnswer:
        """What is in use."""
        state = self.state
        live = state.live
        models = {
            kind: ModelAnswer(kind=kind, version=state.models[kind].version)
            for kind in MODEL_KINDS.names()
            if kind in state.models
        }
        return ModelsAnswer(
            models=list(models.values()),
            rules_version=live.version,
            stable_version=live.stable,
            share=live.share,
            policy=live.policy,
            epoch=live.epoch,
            is_killed=live.is_killed,
            experiments=[one.experiment_id for one in state.experiments],
            prices_version=state.prices_version,
            elasticities_version=state.elasticities_version,
            problems=self._refresh.problems(),
        ).model_copy(update=models)

    async def reload(self) -> ReloadAnswer:
        """Reload everything published.

        Raises:
            UnavailableError: Redis does not answer.
        """
        await asyncio.to_thread(self._refresh.reload)
        state = self.state
        learned = [
            state.models[kind].version for kind in MODEL_KINDS.names() if kind in state.models
        ]
        found = [*learned, state.live.version, state.live.stable, state.prices_version]
        return ReloadAnswer(
            success=True,
            elasticity_loaded=bool(state.elasticities),
            pricing_model_loaded=any(found),
            n_products=len(self._catalogue),
            model_class=" ".join(dict.fromkeys(filter(None, found))),
            **self.models().model_dump(),
        )

    def problems(self) -> dict[str, str]:
        """Everything that is wrong, by name, as sentences."""
        _, silence = self._statement_age()
        is_failing = self._log is not None and self._log.is_failing
        found = {
            "redis": self._refresh.problem,
            "catalogue": self._catalogue.problem,
            "control side": silence,
            "decision log": "Decisions cannot be written to the disk." if is_failing else "",
            **{f"{name} thread": thread.check() for name, thread in self._threads().items()},
        }
        return self._refresh.problems() | {name: text for name, text in found.items() if text}

    def health(self) -> HealthAnswer:
        """Whether the service is fully working."""
        age_s, _ = self._statement_age()
        problems = self.problems()
        killed_by = self._killed_by()
        KILLED.set(bool(killed_by))
        is_failing = self._log is not None and self._log.is_failing
        is_up = self._reader.is_up
        read_s = self._refresh.read_s
        return HealthAnswer(
            status="healthy" if is_up and not problems else "degraded",
            redis=is_up,
            products=len(self._catalogue),
            catalogue_version=self._catalogue.version,
            catalogue_held=self._catalogue.held,
            epoch=self.state.live.epoch,
            published_read_s=None if read_s is None else round(time.monotonic() - read_s, 3),
            log="off" if self._log is None else "failing" if is_failing else "ok",
            decisions_dropped=self._log.n_dropped if self._log else 0,
            problems=problems,
            killed_by=killed_by,
            statement_age_s=None if age_s is None else round(age_s, 3),
            refused={**self._refresh.refused, "session_prices": self._reader.n_unsigned},
            thread_restarts=sum(thread.n_restarts for thread in self._threads().values()),
        )

    def _threads(self) -> dict[str, BackgroundThread]:
        """Everything that works beside the requests, by name."""
        found = {
            "refresh": self._refresh.thread,
            "kill": self._kill.thread,
            "catalogue": self._catalogue.thread,
        }
        if self._log:
            found["decision log"] = self._log.thread
        if self._drain:
            found["decision drain"] = self._drain.thread
        return found

    def _killed_by(self) -> list[str]:
        """Every way in which the kill switch is on, in words."""
        order, live = self._kill.order, self._refresh.state.live
        found = [f"published version no. {live.epoch}"] if live.is_killed else []
        if order is not None:
            by = f" by {order.who}" if order.who else ""
            found.append(f"kill file{by}{f': {order.why}' if order.why else ''}")
        return found

    def _statement_age(self) -> tuple[float | None, str]:
        """Age of the newest statement in seconds, and what is wrong with that, in words."""
        state, limit_s = self._refresh.state, self._settings.pricing.oldest_statement_s
        now_ms = time.time_ns() // 1_000_000
        statement = state.statement
        if statement is not None:
            age_s = max(0.0, (now_ms - statement.at_ms) / 1_000)
            STATEMENT_AGE.set(age_s)
            text = f"The control side last confirmed what is live {age_s:.0f} s ago."
            return age_s, text if 0 < limit_s < age_s else ""
        waited_s = (now_ms - self._started_ms) / 1_000
        if state.live.epoch and 0 < limit_s < waited_s:
            return None, (
                "The control side has never confirmed what is live: is `rules watch` or the app "
                "running?"
            )
        return None, ""
