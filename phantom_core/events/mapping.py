"""Mappings: how the columns and values of a foreign export become events or quotes, as TOML."""

import codecs
import hashlib
import tomllib
from functools import cache, lru_cache
from pathlib import Path
from typing import Final, Literal
from zoneinfo import available_timezones

import duckdb
import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from phantom_core.core.errors import MappingError
from phantom_core.events.columns import quote_text
from phantom_core.events.schema import STORE_MODES
from phantom_core.events.text_options import TextOptions
from phantom_core.events.vocabulary import canonical_name

SHIPPED: Final = Path(__file__).parent / "mappings"

EVENT_FIELDS: Final = (
    "session_id", "ts", "event_name", "page", "product_id", "experiment_id", "store_mode",
    "user_agent", "metadata", "client_event_id",
)  # fmt: skip
QUOTE_FIELDS: Final = (
    "session_id",
    "ts",
    "product_id",
    "price",
    "base_price",
    "propensity",
    "experiment_id",
    "store_mode",
)
REQUIRED: Final = {
    "events": ("session_id", "ts", "event_name"),
    "quotes": ("session_id", "ts", "product_id", "price"),
}

METADATA_KEY: Final = "metadata."  # before a key of the metadata that a pattern extracts
Kind = Literal["events", "quotes"]
TimeUnit = Literal["auto", "s", "ms", "us", "ns"]


class EventRule(BaseModel):
    """Sets the event name of rows whose columns all match; the first matching rule wins."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    when: dict[str, str] = Field(
        description="column → regular expression found in its value", min_length=1
    )
    event_name: str

    @field_validator("when")
    @classmethod
    def _compiles(cls, when: dict[str, str]) -> dict[str, str]:
        for column, pattern in when.items():
            _check_pattern(pattern, column)
        return when


class Extract(BaseModel):
    """Extracts a field from a column: the first group of a regular expression."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    column: str
    pattern: str

    @model_validator(mode="after")
    def _compiles(self) -> "Extract":
        _check_pattern(self.pattern, self.column)
        return self


def _check_pattern(pattern: str, column: str) -> None:
    """Compile a pattern with DuckDB, which runs it later."""
    reason = _pattern_error(pattern)
    if reason:
        raise ValueError(
            f"the pattern '{pattern}' for column '{column}' is not a regular expression: {reason}"
        )


@lru_cache(1_000)
def _pattern_error(pattern: str) -> str:
    try:
        with _compiler().cursor() as cursor:
            cursor.execute("SELECT regexp_matches('', $pattern)", {"pattern": pattern}).fetchall()
    except duckdb.Error as error:
        return str(error).splitlines()[0]
    return ""


@cache
def _compiler() -> duckdb.DuckDBPyConnection:
    # Opening a database takes thousands of times longer than compiling a pattern.
    return duckdb.connect(config={"threads": 1})


class Mapping(BaseModel):
    """How one foreign format becomes events or quotes.

    A column is a name, a path into nested data (`device.browser`, `items[0].item_id`), or a path
    into a list of key-value pairs (`event_params[ga_session_id]`). `a|b` is the first of them that
    has a value. A list of columns is joined with "."; one with a ? behind it may be missing there.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    description: str = ""
    kind: Kind = "events"
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    encoding: str | None = None
    quote: str | None = Field(default=None, max_length=1, description='"" where quotes are text')
    escape: str = Field(default="", max_length=1)
    header: list[str] = Field(
        default_factory=list, description="names of the columns of a file without a header"
    )
    header_file: str = Field(
        default="",
        pattern=r"^[^/\\\x00]*$",
        description="a file in the same folder whose first line names the columns",
    )
    skip_lines: int = Field(default=0, ge=0, le=1_000, description="lines before the header")
    missing: list[str] = Field(
        default_factory=list, description="further texts that stand for no value"
    )
    percent_encoded: list[str] = Field(
        default_factory=list, description="columns whose texts are written like %20 in addresses"
    )
    left_out: dict[str, str] = Field(
        default_factory=dict,
        description="column → regular expression of rows that are no events, such as pictures",
    )
    decimal: Literal["", ".", ","] = Field(
        default="", description="the decimal mark of prices with separators or currency signs"
    )
    each: str = Field(default="", description="the list whose every element is an event")
    session_gap_min: int | None = Field(
        default=None,
        ge=1,
        le=1_440,
        description="minutes without an event that part a visitor's events into sessions",
    )
    time_unit: TimeUnit = "auto"
    time_zone: str = "UTC"
    time_format: str | None = Field(
        default=None,
        description="strptime pattern of time stamps that are not ISO 8601, as %d.%m.%Y %H:%M:%S",
    )
    columns: dict[str, str | list[str]] = Field(default_factory=dict)
    constants: dict[str, str] = Field(default_factory=dict)
    extract: dict[str, Extract] = Field(default_factory=dict)
    metadata: dict[str, str] = Field(default_factory=dict, description="metadata key → column")
    event_names: dict[str, str] = Field(
        default_factory=dict, description="foreign name → canonical name"
    )
    event_rules: list[EventRule] = Field(default_factory=list)

    @field_validator("time_zone")
    @classmethod
    def _is_a_zone(cls, time_zone: str) -> str:
        if time_zone not in available_timezones():
            raise ValueError(
                f"'{time_zone}' is not a time zone; give a name such as UTC or Europe/Berlin"
            )
        return time_zone

    @field_validator("time_format")
    @classmethod
    def _is_a_pattern(cls, time_format: str | None) -> str | None:
        if time_format is not None:
            try:
                with duckdb.connect() as connection:
                    connection.execute(
                        f"SELECT try_strptime('', {quote_text(time_format)})"
                    ).fetchall()
            except duckdb.Error as error:
                raise ValueError(
                    f"'{time_format}' is not a time pattern; write it like %d.%m.%Y %H:%M:%S"
                ) from error
        return time_format

    @field_validator("encoding")
    @classmethod
    def _is_an_encoding(cls, encoding: str | None) -> str | None:
        try:
            known = encoding is None or codecs.lookup(encoding).name
        except LookupError:
            known = None
        if not known:
            raise ValueError(f"there is no encoding '{encoding}'; try utf-8, utf-16-le or latin-1")
        return encoding

    @field_validator("left_out")
    @classmethod
    def _patterns_compile(cls, left_out: dict[str, str]) -> dict[str, str]:
        for column, pattern in left_out.items():
            _check_pattern(pattern, column)
        return left_out

    @model_validator(mode="after")
    def _names_what_exists(self) -> "Mapping":
        fields = EVENT_FIELDS if self.kind == "events" else QUOTE_FIELDS
        picked = [field for field in self.extract if not field.startswith(METADATA_KEY)]
        for field in [*self.columns, *self.constants, *picked]:
            if field not in fields:
                raise ValueError(
                    f"'{field}' is not a field of {self.kind}; the fields are {', '.join(fields)}"
                )
        for field in {*self.extract, *self.constants} & {"metadata"} | {*self.extract} & {
            "event_name"
        }:
            raise ValueError(
                f"'{field}' cannot be given like this: use [metadata] or [[event_rules]]"
            )
        if any(spec == [] for spec in self.columns.values()):
            raise ValueError("a list of columns is empty")
        if self.constants.get("store_mode", STORE_MODES[0]) not in STORE_MODES:
            raise ValueError(f"store_mode must be one of {', '.join(STORE_MODES)}")
        constant = [self.constants["event_name"]] if "event_name" in self.constants else []
        for name in [
            *constant,
            *self.event_names.values(),
            *(rule.event_name for rule in self.event_rules),
        ]:
            if canonical_name(name) is None:
                raise ValueError(f"'{name}' is not an event name PHANTOM knows")
        missing = [field for field in REQUIRED[self.kind] if not self.gives(field)]
        if missing:
            raise ValueError(f"nothing gives {', '.join(missing)}")
        return self

    def gives(self, field: str) -> bool:
        """Whether the mapping provides a field."""
        has_rule = field == "event_name" and bool(self.event_rules)
        return has_rule or field in self.columns or field in self.constants or field in self.extract

    @property
    def text_options(self) -> TextOptions:
        """How the files are written."""
        return TextOptions(
            self.delimiter,
            self.encoding,
            self.quote,
            self.escape,
            tuple(self.header),
            self.skip_lines,
            self.header_file,
        )

    @property
    def sha256(self) -> str:
        """A digest of what the mapping says; its name and description do not matter."""
        said = self.model_dump_json(exclude={"name", "description"}, exclude_defaults=True)
        return hashlib.sha256(said.encode()).hexdigest()

    def to_toml(self) -> str:
        """The mapping as a TOML file."""
        return tomli_w.dumps(self.model_dump(exclude_defaults=True))


def parse_mapping(text: str, where: str = "the mapping") -> Mapping:
    """Read a mapping from TOML text.

    Raises:
        MappingError: not TOML, or not a mapping; names the line or field.
    """
    try:
        return Mapping.model_validate(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise MappingError(f"{where} is not valid TOML: {error}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        reason = first["msg"].removeprefix("Value error, ")
        raise MappingError(
            f"{where} does not describe a format: {place + ': ' if place else ''}{reason}."
        ) from error


def load_mapping(name_or_path: str) -> Mapping:
    """Read a mapping file, or a shipped mapping by name.

    Raises:
        MappingError: there is no such file or shipped mapping.
    """
    path = Path(name_or_path)
    if not path.is_file() and name_or_path in shipped_mappings():
        return _load_shipped(name_or_path)
    if not path.is_file():
        raise MappingError(
            f"There is no mapping '{name_or_path}'.",
            hint=f"Shipped mappings: {', '.join(shipped_mappings())}.",
        )
    try:
        return parse_mapping(path.read_text(encoding="utf-8"), str(name_or_path))
    except UnicodeDecodeError as error:
        raise MappingError(f"{name_or_path} is not UTF-8 text.") from error


@cache
def _load_shipped(name: str) -> Mapping:
    return parse_mapping((SHIPPED / f"{name}.toml").read_text(encoding="utf-8"), name)


def shipped_mappings() -> list[str]:
    """Names of the mappings that come with PHANTOM."""
    return sorted(path.stem for path in SHIPPED.glob("*.toml"))
