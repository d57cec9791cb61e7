"""Settings: one frozen object, read once at the edge from PHANTOM_* variables."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class Settings(BaseSettings):
    """Everything an installation may change.

    Attributes:
        workspace: folder that holds the lake, models and jobs.
        database_url: SQLAlchemy URL of the control database; empty means SQLite in the workspace.
        redis_url: of the Redis or Valkey server to publish to; empty means an embedded one in the
            workspace.
        max_field_bytes: a single field longer than this is quarantined, bytes.
        future_tolerance_s: an event may be this far ahead of the clock, seconds.
        seed: seed of everything random unless a call says otherwise.
        demo_sessions: size of the demo set, sessions.
        reference_ratio: what an agent pays below this price over base price is leakage.
        leakage_weight: what a unit of leakage costs.
        most_offers: the network learns from about this many offers at most, of whole sessions.
        retrain_days: a challenger learns from and is judged on sessions of this many days, the
            newest labels last.
        retrain_held_out_days: the last of these days, which it does not learn from but is judged
            on.
        retrain_rule: "better": promoted when surely better; "not_worse": when surely not worse by
            more than the margin.
        retrain_margin: of ROC-AUC.
        gate_agent_auc, gate_agent_precision, gate_purchase_auc: least a challenger must reach;
            precision at 80 % recall.
        gate_calibration_error: the most it may have.
        retrain_at: time of day of the daily retraining, HH:MM, UTC.
        monitor_every_s: between two looks at the traffic, seconds.
        alert_detection_change: relative change of the share of agents, week on week, past which
            somebody is told.
        alert_psi: of a feature against the sessions learned from.
        alert_revenue_fall: relative fall week on week.
        alert_quarantine_share: of the rows of a week.
        alert_stale_days: age of a model in use.
        alert_silence_hours: age of the newest event; 0 for no such alert.
        alert_webhook: takes alerts by POST; empty for none.
        alert_smtp: mail server as smtp://user:password@host:port or smtps://…; empty for none.
        alert_from, alert_to: sender and recipients, the latter with commas in the environment.
        marking_up_human_cost: money lost when one human is marked up by mistake, in units of the
            average order.
        leaking_to_agent_cost: money lost when one agent buys at the low quote, in units of the
            average order.
        lowest_markup, highest_markup: guard rails of every price, over base price.
        banned_features: features that must not move a price; names with commas in the environment.
        kafka_bootstrap: brokers of the topics, host:port with commas; empty means the local buffer.
        kafka_options: more properties of librdkafka, as one JSON object.
        api_keys: who may use the HTTP services, with commas; without any, only this machine may.
        cors_origins: web pages that may call the HTTP services, with commas.
        max_body_bytes: a larger request is refused, bytes.
        max_pending_events: so many events may wait in the ingest service to be kept.
        max_buffer_bytes: so much may wait for the lake in the local buffer, bytes.
        stream_commit_s: the worker writes to the lake at least so often while events come, s.
        approvals_needed: how many people other than the author must approve a change.
        largest_step: a quote may move by this much of the base price against what is live.
        human_premium_cap: humans may pay this much more on average, over the base price.
        first_markup, first_share: highest mark-up and share of sessions of the first release.
        demo_people: lets whoever opens an installation without accounts enter as a demo analyst or
            manager.
        watch_every_s: the app looks this often whether servers hold what was approved, seconds; 0
            leaves it to `rules watch`.
        sign_in_hours: a sign-in ends after this long.
        pricing_deadline_ms: a price waits no longer for Redis.
        late_features_s: features of a session that are older count as unknown, seconds.
        catalogue: products to price: a file, or postgresql://… with a table `catalogue`; empty
            means the lake's.
        decision_log_share: share of the sessions whose decisions are kept.
        oidc_claim: claim of the identity provider that lists groups or roles.
        oidc_roles: role by group, as a JSON object: {"pricing": "pricing manager", "all":
            "viewer"}.
    """

    model_config = SettingsConfigDict(env_prefix="PHANTOM_", frozen=True, extra="ignore")

    workspace: Path = Path("data/workspace")
    database_url: str = ""
    redis_url: str = Field(default="", repr=False)
    max_field_bytes: int = Field(default=1 << 20, ge=1024)
    future_tolerance_s: int = Field(default=300, ge=0)
    seed: int = 20_261
    demo_sessions: int = Field(default=5_000, ge=100)
    retrain_days: int = Field(default=28, ge=2)
    retrain_held_out_days: int = Field(default=7, ge=1)
    retrain_rule: Literal["better", "not_worse"] = "better"
    retrain_margin: float = Field(default=0.01, ge=0)
    gate_agent_auc: float = Field(default=0.90, ge=0, le=1)
    gate_agent_precision: float = Field(default=0.85, ge=0, le=1)
    gate_purchase_auc: float = Field(default=0.75, ge=0, le=1)
    gate_calibration_error: float = Field(default=0.1, ge=0, le=1)
    retrain_at: str = "03:30"
    monitor_every_s: int = Field(default=3_600, ge=10)
    alert_detection_change: float = Field(default=0.20, gt=0)
    alert_psi: float = Field(default=0.25, gt=0)
    alert_revenue_fall: float = Field(default=0.05, gt=0)
    alert_quarantine_share: float = Field(default=0.05, gt=0, le=1)
    alert_stale_days: float = Field(default=14, gt=0)
    alert_silence_hours: float = Field(default=24, ge=0)
    alert_webhook: str = ""
    alert_smtp: str = ""
    alert_from: str = "phantom@localhost"
    alert_to: Annotated[tuple[str, ...], NoDecode] = ()
    marking_up_human_cost: float = Field(default=0.30, ge=0)
    leaking_to_agent_cost: float = Field(default=0.20, ge=0)
    lowest_markup: float = Field(default=0.7, gt=0)
    highest_markup: float = Field(default=1.5, gt=0)
    reference_ratio: float = Field(default=1.2, ge=0)
    leakage_weight: float = Field(default=0.5, ge=0)
    most_offers: int = Field(default=200_000, ge=1_000)
    banned_features: Annotated[tuple[str, ...], NoDecode] = (
        "is_headless_browser",
        "is_automation_tool",
        "browser_family",
        "session_start_hour",
    )
    kafka_bootstrap: str = ""
    kafka_options: dict[str, str] = Field(default_factory=dict, repr=False)
    api_keys: Annotated[tuple[str, ...], NoDecode] = Field(default=(), repr=False)
    cors_origins: Annotated[tuple[str, ...], NoDecode] = ()
    max_body_bytes: int = Field(default=1 << 20, ge=1_024)
    max_pending_events: int = Field(default=20_000, ge=1)
    max_buffer_bytes: int = Field(default=1 << 30, ge=1 << 20)
    stream_commit_s: float = Field(default=5.0, gt=0)
    approvals_needed: int = Field(default=1, ge=1)
    largest_step: float = Field(default=0.3, gt=0)
    human_premium_cap: float = Field(default=0.05, ge=0)
    first_markup: float = Field(default=1.1, gt=0)
    first_share: float = Field(default=0.1, gt=0, le=1)
    demo_people: bool = True
    watch_every_s: float = Field(default=5.0, ge=0)
    sign_in_hours: float = Field(default=12.0, gt=0)
    pricing_deadline_ms: int = Field(default=50, ge=1)
    late_features_s: int = Field(default=3_600, ge=1)
    catalogue: str = Field(default="", repr=False)
    decision_log_share: float = Field(default=1.0, ge=0, le=1)
    oidc_claim: str = "groups"
    oidc_roles: dict[str, Literal["viewer", "analyst", "pricing manager", "administrator"]] = Field(
        default_factory=dict
    )
    log_level: str = "INFO"

    @field_validator("banned_features", "alert_to", "api_keys", "cors_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        """Values with commas, as an environment variable holds them."""
        return (
            tuple(part.strip() for part in value.split(",") if part.strip())
            if isinstance(value, str)
            else value
        )
