"""Settings: one frozen object, read once from PHANTOM_* variables when a process starts.

Related settings form a group. The sentence below a field is its
documentation: docs/settings.md and `--help` texts are made of it.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from phantom_core.core.leakage_terms import LeakageTerms
from phantom_core.core.workspace import WorkspacePaths

_CONFIG = SettingsConfigDict(
    env_prefix="PHANTOM_",
    frozen=True,
    extra="forbid",
    populate_by_name=True,
    use_attribute_docstrings=True,
)
_Texts = Annotated[tuple[str, ...], NoDecode]
RoleName = Literal["viewer", "analyst", "pricing manager", "administrator"]


class _Group(BaseSettings):
    """Related settings."""

    model_config = _CONFIG


def _split(value: object) -> object:
    """Parts of a comma-separated value of an environment variable."""
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


class LoadingSettings(_Group):
    """What a load accepts."""

    max_field_bytes: int = Field(default=1 << 20, ge=1024)
    """A single field longer than this is quarantined, bytes."""
    future_tolerance_s: int = Field(default=300, ge=0)
    """An event may be this far ahead of the clock, seconds."""
    clock_correction_s: int = Field(default=86_400, ge=0)
    """An event over HTTP that is further ahead gets the server's time, unless its clock is wrong by
    more than this, seconds."""
    server_folders: _Texts = ()
    """People who use the app may load files of this server below these folders, separated by
    commas; none by default. The command line is not bound by it."""
    source_hosts: _Texts = ()
    """They may load from PostgreSQL databases on these hosts, each `host` or `host:port`, separated
    by commas; none by default."""
    max_upload_mb: int = Field(default=200, ge=1)
    """Largest uploaded file, megabytes."""
    upload_quota_mb: int = Field(default=2_000, ge=1)
    """Uploaded files that one person may have in the workspace, megabytes."""

    _split = field_validator("server_folders", "source_hosts", mode="before")(_split)


class TrainingSettings(_Group):
    """What models learn from."""

    most_offers: int = Field(default=200_000, ge=1_000)
    """The network is trained on about this many offers at most, of whole sessions."""


class RetrainingSettings(_Group):
    """When a challenger is trained, and when it is promoted."""

    model_config = _CONFIG | SettingsConfigDict(env_prefix="PHANTOM_RETRAIN_")

    days: int = Field(default=28, ge=2)
    """A challenger is trained and evaluated on sessions of this many days."""
    held_out_days: int = Field(default=7, ge=1)
    """The last of these days are held out from training and used for the evaluation."""
    rule: Literal["better", "not_worse"] = "better"
    """"better": promoted when significantly better; "not_worse": when significantly not worse by
    more than the margin."""
    margin: float = Field(default=0.01, ge=0)
    """Margin of "not_worse", ROC-AUC."""
    at: str = "03:30"
    """Time of day of the daily retraining, HH:MM, UTC."""


class PromotionGateSettings(_Group):
    """Lowest scores and largest errors with which a challenger is promoted."""

    model_config = _CONFIG | SettingsConfigDict(env_prefix="PHANTOM_GATE_")

    agent_auc: float = Field(default=0.90, ge=0, le=1)
    """Lowest ROC-AUC of the agent classifier."""
    agent_precision: float = Field(default=0.85, ge=0, le=1)
    """Lowest precision of the agent classifier at 80 % recall."""
    quote_auc: float = Field(default=0.85, ge=0, le=1)
    """Lowest ROC-AUC of the agent classifier at quotes, where prices are set."""
    quote_calibration_error: float = Field(default=0.05, ge=0, le=1)
    """Largest expected calibration error of the agent classifier at quotes."""
    purchase_auc: float = Field(default=0.75, ge=0, le=1)
    """Lowest ROC-AUC of P(purchase)."""
    calibration_error: float = Field(default=0.1, ge=0, le=1)
    """Largest expected calibration error of either, of whole sessions or of offers."""


class MonitoringSettings(_Group):
    """When traffic and servers are checked."""

    monitor_every_s: int = Field(default=3_600, ge=10)
    """Interval between two checks of the traffic, seconds."""
    watch_every_s: float = Field(default=5.0, ge=0)
    """Interval between two checks that servers hold what was approved, seconds; 0 leaves it to
    `rules watch`."""


class AlertSettings(_Group):
    """When alerts are sent, and where to."""

    model_config = _CONFIG | SettingsConfigDict(env_prefix="PHANTOM_ALERT_")

    detection_change: float = Field(default=0.20, gt=0)
    """Relative change of the share of agents, week on week."""
    psi: float = Field(default=0.25, gt=0)
    """Population stability index of a feature against the training sessions."""
    revenue_fall: float = Field(default=0.05, gt=0)
    """Relative fall of revenue, week on week."""
    quarantine_share: float = Field(default=0.05, gt=0, le=1)
    """Share of the rows of a week that went into quarantine."""
    stale_days: float = Field(default=14, gt=0)
    """Age of a model in use, days."""
    silence_hours: float = Field(default=24, ge=0)
    """Age of the newest event, hours; 0 for no such alert."""
    webhook: str = ""
    """URL that receives alerts by POST; empty for none."""
    smtp: str = ""
    """Mail server as smtp://user:password@host:port or smtps://…; its certificate must be valid,
    and STARTTLS is required unless it is this machine. Empty for none."""
    sender: str = Field(default="phantom@localhost", validation_alias="PHANTOM_ALERT_FROM")
    """Sender of alert mails."""
    recipients: _Texts = Field(default=(), validation_alias="PHANTOM_ALERT_TO")
    """Recipients of alert mails, separated by commas."""

    _split = field_validator("recipients", mode="before")(_split)


class RolloutSettings(_Group):
    """When the guard of a rollout holds it, and when it rolls it back."""

    model_config = _CONFIG | SettingsConfigDict(env_prefix="PHANTOM_ROLLOUT_")

    advance: bool = True
    """Take the steps of an approved ramp when they are due and the guard allows them; without it,
    a person takes them."""
    human_loss: float = Field(default=0.02, ge=0, lt=1)
    """A canary is rolled back once it is significant that human conversion falls by more."""
    excluded_loss: float = Field(default=0.20, gt=0, le=1)
    """A step waits until a fall of human conversion by this much is excluded."""
    revenue_loss: float = Field(default=0.05, ge=0, lt=1)
    """A canary is rolled back once it is significant that revenue per session falls by more."""
    failed: float = Field(default=0.01, ge=0, lt=1)
    """A canary is rolled back once it is significant that more sessions than this, beyond those of
    the control, meet rules or a model that cannot be used."""
    slow: float = Field(default=0.01, ge=0, lt=1)
    """A canary is rolled back once it is significant that more sessions than this, beyond those of
    the control, meet a slow decision."""
    slow_ms: float = Field(default=50, gt=0)
    """A price decision that takes longer is slow, milliseconds."""
    alpha: float = Field(default=0.05, gt=0, lt=1)
    """Probability that a guard ever rolls back a harmless canary, in all its steps together."""


class ThresholdSettings(_Group):
    """What a wrong decision costs, in units of the average order."""

    marking_up_human_cost: float = Field(default=0.30, ge=0)
    """Money lost when one human is marked up by mistake."""
    leaking_to_agent_cost: float = Field(default=0.20, ge=0)
    """Money lost when one agent buys at the low quote."""


class ObjectiveSettings(_Group):
    """The objective of optimal prices."""

    reference_ratio: float = Field(default=1.2, ge=0)
    """Money that an agent pays below this price over base price is leakage, in prices, ledger,
    replays, trials, evidence and distillation."""
    leakage_weight: float = Field(default=0.5, ge=0)
    """Cost of a unit of leakage."""


class LimitSettings(_Group):
    """Guard rails and gates of an installation; an administrator can override them."""

    lowest_markup: float = Field(default=0.7, gt=0)
    """Lowest price over base price."""
    highest_markup: float = Field(default=1.5, gt=0)
    """Highest price over base price."""
    largest_step: float = Field(default=0.3, gt=0)
    """A quote may move by this much of the base price against what is live."""
    human_premium_cap: float = Field(default=0.05, ge=0)
    """Humans may pay this much more on average, over the base price."""
    first_markup: float = Field(default=1.1, gt=0)
    """Highest mark-up of the first release."""
    first_share: float = Field(default=0.1, gt=0, le=1)
    """Share of sessions of the first release."""
    approvals_needed: int = Field(default=1, ge=1)
    """How many people other than the author must approve a change."""
    review_hours: float = Field(default=24.0, gt=0, le=168)
    """Hours within which another person reviews an emergency publication."""
    base_price_step: float = Field(default=0.2, ge=0, lt=1)
    """A catalogue's load may change a base price by this share of it without a second person."""
    base_price_day_step: float = Field(default=0.3, ge=0, lt=1)
    """The same within a day, over all loads."""
    base_price_level: float = Field(default=0.05, ge=0, lt=1)
    """All base prices may change by this much within a day without a second person, on average."""
    base_price_month_step: float = Field(default=0.5, ge=0, lt=1)
    """A base price may change by this share of it within 30 days without a second person."""
    base_price_month_level: float = Field(default=0.15, ge=0, lt=1)
    """All base prices may change by this much within 30 days without a second person, on
    average."""


class RuleSettings(_Group):
    """What rules may read, until the control database holds it."""

    banned_features: _Texts = (
        "is_headless_browser",
        "is_automation_tool",
        "browser_family",
        "session_start_hour",
    )
    """Features that must not change a price; names separated by commas."""

    _split = field_validator("banned_features", mode="before")(_split)


class SigningSettings(_Group):
    """Keys with which releases are signed, and which pricing services trust."""

    model_config = _CONFIG | SettingsConfigDict(env_prefix="PHANTOM_SIGNING_")

    key_file: Path | None = None
    """Ed25519 private key in PEM of whoever publishes; without one, the workspace has its own."""
    public_keys_file: Path | None = None
    """Public keys in PEM that pricing services trust, the current one first; without a file, those
    of the workspace."""


class AuditSettings(_Group):
    """Where the head of the audit chain is anchored outside the database."""

    model_config = _CONFIG | SettingsConfigDict(env_prefix="PHANTOM_AUDIT_")

    anchor_file: Path | None = None
    """File that a signed head is appended to at every entry, best on another disk; empty means
    audit-anchor.jsonl in the workspace."""
    anchor_store: str = ""
    """Folder of an object store, such as s3://bucket/path, that receives signed heads; its own
    retention (Object Lock) protects them. Empty for none."""
    anchor_webhook: str = Field(default="", repr=False)
    """URL that receives signed heads by POST; empty for none."""
    anchor_every_s: float = Field(default=30.0, gt=0)
    """Longest interval between an entry and its head in store and webhook, seconds."""
    verify_every_s: float = Field(default=5.0, gt=0)
    """Shortest interval between two verifications of the whole chain, seconds; a long chain is
    verified less often, so that it takes a twentieth of the time at most."""


class RetentionSettings(_Group):
    """How long data of shoppers and people is kept; 0 keeps it until it is erased."""

    model_config = _CONFIG | SettingsConfigDict(env_prefix="PHANTOM_RETENTION_")

    events_days: int = Field(default=0, ge=0)
    """Events, quotes, labels and features of sessions that ended this many days ago are deleted."""
    quarantine_days: int = Field(default=0, ge=0)
    """Refused rows of loads this many days old are deleted."""
    uploads_days: int = Field(default=0, ge=0)
    """Files that were uploaded this many days ago are deleted."""
    decisions_days: int = Field(default=0, ge=0)
    """Price decisions this many days old are deleted."""
    replays_days: int = Field(default=0, ge=0)
    """Replays this many days old are deleted, with the sessions they name."""
    jobs_days: int = Field(default=0, ge=0)
    """Options, results and logs of jobs that ended this many days ago are deleted."""
    sign_ins_days: int = Field(default=0, ge=0)
    """Sign-ins that ended this many days ago are deleted; at the next sign-in with 0."""
    at: str = "04:30"
    """Time of day of the daily deletion, HH:MM, UTC."""


class KafkaSettings(_Group):
    """The topics' brokers."""

    model_config = _CONFIG | SettingsConfigDict(env_prefix="PHANTOM_KAFKA_")

    bootstrap: str = ""
    """Brokers of the topics, host:port separated by commas; empty means the local buffer."""
    options: dict[str, str] = Field(default_factory=dict, repr=False)
    """More properties of librdkafka, as one JSON object."""


class ServiceSettings(_Group):
    """The HTTP services and the stream worker."""

    api_keys: _Texts = Field(default=(), repr=False)
    """Keys of the HTTP services, separated by commas, each written out, or as sha256: and its hash
    in hexadecimal digits; without any, only this machine may use them."""
    event_keys: _Texts = Field(default=(), repr=False)
    """Keys that may send events and quotes, and nothing else, separated by commas."""
    price_keys: _Texts = Field(default=(), repr=False)
    """Keys that may ask for prices and products, and nothing else, separated by commas."""
    open_routes: _Texts = ()
    """Paths that need no key, such as /api/products, with everything below them, separated by
    commas; for clients that cannot send one, behind a proxy that lets nobody else in."""
    admin_keys: _Texts = Field(default=(), repr=False)
    """Keys that may use the kill switch of the pricing service, separated by commas; without any,
    only this machine may."""
    cors_origins: _Texts = ()
    """Origins of web pages that may call the HTTP services, separated by commas."""
    max_body_bytes: int = Field(default=1 << 20, ge=1_024)
    """A larger request is refused, bytes."""
    max_connections: int = Field(default=512, ge=8)
    """Connections that an HTTP service holds at once, half of them at most from one address; fewer
    where the process may not open so many files."""
    request_timeout_s: float = Field(default=30.0, gt=0)
    """Longest time in which the body of a request has to arrive, its headers in a third of it,
    seconds."""
    max_pending_events: int = Field(default=20_000, ge=1)
    """This many events may wait in the ingest service to be stored."""
    max_buffer_bytes: int = Field(default=1 << 30, ge=1 << 20)
    """Size of the local buffer before it is drained into the lake, bytes."""
    stream_commit_s: float = Field(default=5.0, gt=0)
    """Longest interval between two writes to the lake while events arrive, seconds."""

    _split = field_validator(
        "api_keys",
        "event_keys",
        "price_keys",
        "open_routes",
        "admin_keys",
        "cors_origins",
        mode="before",
    )(_split)


class PricingSettings(_Group):
    """The pricing service."""

    pricing_deadline_ms: int = Field(default=50, ge=1)
    """Longest wait of a price for Redis, milliseconds."""
    late_features_s: int = Field(default=3_600, ge=1)
    """Features of a session that are older count as unknown, seconds."""
    catalogue: str = Field(default="", repr=False)
    """Products to price: a file, or postgresql://… with a table `catalogue`; empty means the
    lake's."""
    unknown_product: Literal["refuse", "own_base_price"] = "refuse"
    """What the answer for a product that is not in the catalogue tells the shop to do: not to sell
    it, or to sell it at its own base price."""
    decision_log_share: float = Field(default=1.0, ge=0, le=1)
    """Share of the sessions whose decisions are stored."""
    kill_file: Path | None = None
    """While this file is there, every session pays the base price; without a name, the file KILL in
    the workspace."""
    oldest_statement_s: float = Field(default=60.0, ge=0)
    """The pricing service reports the control side as silent after this long, seconds; 0 means
    never."""


class AccessSettings(_Group):
    """Who may sign in, and with which role."""

    hosts: _Texts = ()
    """Names by which browsers reach the app, separated by commas; this machine's own names, and
    addresses in figures, always count."""
    demo_people: bool = True
    """Lets a visitor of an installation without accounts sign in as a demo analyst or manager."""
    sign_in_hours: float = Field(default=12.0, gt=0)
    """A sign-in ends after this long, hours."""
    sign_in_idle_hours: float = Field(default=2.0, ge=0)
    """It ends earlier when no page is used for this long, hours; 0 for no such end."""
    oidc_claim: str = "groups"
    """Claim of the identity provider that lists groups or roles."""
    oidc_roles: dict[str, RoleName] = Field(default_factory=dict)
    """Role by group, as a JSON object: {"pricing": "pricing manager", "all": "viewer"}."""

    _split = field_validator("hosts", mode="before")(_split)


class Settings(BaseSettings):
    """Everything an installation may change."""

    model_config = _CONFIG

    workspace: Path = Path("data/workspace")
    """Folder that holds the lake, models and jobs."""
    database_url: str = ""
    """SQLAlchemy URL of the control database; empty means SQLite in the workspace."""
    redis_url: str = Field(default="", repr=False)
    """The Redis or Valkey server to publish to; empty means an embedded one in the workspace."""
    seed: int = 20_261
    """Seed of everything random unless a call says otherwise."""
    demo_sessions: int = Field(default=5_000, ge=100)
    """Size of the demo set, sessions."""
    currency: str = Field(default="", pattern="^([A-Z]{3})?$")
    """Currency of all prices as ISO 4217, such as EUR; empty shows them without one."""
    log_level: str = "INFO"
    """Least severity that services log."""
    loading: LoadingSettings = Field(default_factory=LoadingSettings)
    training: TrainingSettings = Field(default_factory=TrainingSettings)
    retraining: RetrainingSettings = Field(default_factory=RetrainingSettings)
    gates: PromotionGateSettings = Field(default_factory=PromotionGateSettings)
    monitoring: MonitoringSettings = Field(default_factory=MonitoringSettings)
    alerts: AlertSettings = Field(default_factory=AlertSettings)
    rollout: RolloutSettings = Field(default_factory=RolloutSettings)
    threshold: ThresholdSettings = Field(default_factory=ThresholdSettings)
    objective: ObjectiveSettings = Field(default_factory=ObjectiveSettings)
    limits: LimitSettings = Field(default_factory=LimitSettings)
    rules: RuleSettings = Field(default_factory=RuleSettings)
    signing: SigningSettings = Field(default_factory=SigningSettings)
    audit: AuditSettings = Field(default_factory=AuditSettings)
    retention: RetentionSettings = Field(default_factory=RetentionSettings)
    kafka: KafkaSettings = Field(default_factory=KafkaSettings)
    services: ServiceSettings = Field(default_factory=ServiceSettings)
    pricing: PricingSettings = Field(default_factory=PricingSettings)
    access: AccessSettings = Field(default_factory=AccessSettings)

    @property
    def leakage_terms(self) -> LeakageTerms:
        """What leaks and what it costs, wherever money is counted."""
        return LeakageTerms(self.objective.reference_ratio, self.objective.leakage_weight)

    @property
    def paths(self) -> WorkspacePaths:
        """Paths of the workspace."""
        return WorkspacePaths(self.workspace)


def variable_name(group: type[BaseSettings], field: str) -> str:
    """The environment variable of a setting.

    >>> variable_name(RetrainingSettings, "days")
    'PHANTOM_RETRAIN_DAYS'
    """
    alias = group.model_fields[field].validation_alias
    return str(alias) if alias else f"{group.model_config['env_prefix']}{field}".upper()


def setting_groups() -> dict[str, type[BaseSettings]]:
    """Groups of settings by attribute of `Settings`; "" for those outside any group."""
    found: dict[str, type[BaseSettings]] = {"": Settings}
    for name, field in Settings.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, _Group):
            found[name] = kind
    return found


def explain_invalid(error: ValidationError) -> str:
    """Which variable cannot be used and why, one sentence."""
    first = error.errors()[0]
    field = str(first["loc"][0]) if first["loc"] else ""
    group = next((one for one in setting_groups().values() if one.__name__ == error.title), None)
    known = group is not None and field in group.model_fields
    name = variable_name(group, field) if group is not None and known else field.upper()
    return f"{name} cannot be used: {first['msg']}."
