"""Experiments: the running price experiments, and the rules of each of their arms."""

from dataclasses import asdict, dataclass
from typing import Annotated, Final

import redis
from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass as checked

from phantom_core.core.errors import DataError, InputError, PhantomError
from phantom_core.publishing.announcement import Announcement
from phantom_core.publishing.canonical import canonical_json
from phantom_core.publishing.names import EXPERIMENTS, check_version, release_key
from phantom_core.publishing.publish import forged_content
from phantom_core.publishing.reading import parse_document, read_stored
from phantom_core.publishing.signed import open_signed, sign_document
from phantom_core.publishing.switch import switch_live, unconfirmed_switch
from phantom_core.signing.keys import PublicKeys, SigningKey

FORMAT: Final = "phantom-experiments/2"
AS_LIVE: Final = "live"


@checked(frozen=True, slots=True, config=ConfigDict(extra="forbid", strict=True))
class LiveArm:
    """An arm of an experiment: one way to price.

    Attributes:
        name: of the arm.
        share: of the experiment's sessions, in [0, 1].
        version: of its rules; empty for the base price, `live` for the live ones.
    """

    name: str
    share: Annotated[float, Field(allow_inf_nan=False)]
    version: str


@checked(frozen=True, slots=True, config=ConfigDict(extra="forbid", strict=True))
class LiveExperiment:
    """A running experiment.

    Attributes:
        experiment_id: of the experiment.
        salt: of the hash that assigns sessions to arms.
        arms: their shares add up to 1.
    """

    experiment_id: str
    salt: str
    arms: tuple[LiveArm, ...]


@dataclass(frozen=True, slots=True)
class LiveExperiments:
    """All running experiments.

    Attributes:
        epoch: a greater one is later.
        experiments: in the order of assignment.
        live_epoch: of what was live when they were published. They end with it: once anything else
            is live, readers wait for a document that was published since.
    Raises:
        InputError: two of one id, an arm without a unique name, shares that do not add up, or an
            invalid version.
    """

    epoch: int
    experiments: tuple[LiveExperiment, ...]
    live_epoch: int = 0

    def __post_init__(self) -> None:
        ids = [one.experiment_id for one in self.experiments]
        if not 0 <= self.epoch < 2**53 or len(set(ids)) < len(ids) or "" in ids:
            raise InputError("Experiments need an epoch, and an id of their own each.")
        for one in self.experiments:
            _check(one)

    @property
    def versions(self) -> tuple[str, ...]:
        """Versions that the arms name, each once."""
        named = (arm.version for one in self.experiments for arm in one.arms)
        return tuple(dict.fromkeys(version for version in named if version not in ("", AS_LIVE)))

    def to_bytes(self) -> bytes:
        """The document as it is published; equal ones have equal bytes."""
        return canonical_json({**asdict(self), "format": FORMAT})


@checked(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class _Document:
    format: str
    epoch: int
    experiments: tuple[LiveExperiment, ...]
    live_epoch: int


_ADAPTER: Final = TypeAdapter(_Document)


def publish_experiments(client: redis.Redis, key: SigningKey, experiments: LiveExperiments) -> None:
    """Make experiments live atomically and announce them; the same call again is safe.

    Raises:
        NotSwitchedError: nothing was switched: there is no server, a later epoch is live, or the
            rules of an arm were never published.
        UncertainError: it may have been switched.
    """
    content = sign_document(key, FORMAT, experiments.to_bytes())
    expected = {release_key(version): b"" for version in experiments.versions}
    announcement = Announcement("experiments", str(experiments.epoch), experiments.epoch)
    forged = forged_content(
        client, EXPERIMENTS, lambda there: open_experiments(key.public_keys, there)
    )
    switch_live(
        client, EXPERIMENTS, content, experiments.epoch, announcement, expected, forged=forged
    )
    try:
        found = read_experiments(client, key.public_keys)
    except PhantomError as error:
        raise unconfirmed_switch(client, EXPERIMENTS, error.hint) from None
    if found is None or (found != experiments and found.epoch <= experiments.epoch):
        raise unconfirmed_switch(client, EXPERIMENTS)


def read_experiments(client: redis.Redis, keys: PublicKeys) -> LiveExperiments | None:
    """The running experiments; None where there were never any.

    Raises:
        UnavailableError: the server does not answer.
        UnsignedError: the document is not signed by a trusted key.
        DataError: it cannot be used.
    """
    found = read_stored(client, EXPERIMENTS)
    return None if found is None else open_experiments(keys, found)


def open_experiments(
    keys: PublicKeys, content: bytes | str, where: str = EXPERIMENTS
) -> LiveExperiments:
    """Verify and read the published document.

    Raises:
        UnsignedError: no trusted key signed it.
        DataError: it is invalid.
    """
    return parse_experiments(open_signed(keys, FORMAT, content, where), where)


def parse_experiments(content: bytes | str, where: str = EXPERIMENTS) -> LiveExperiments:
    """Read the document.

    Raises:
        DataError: it is invalid.
    """
    found = parse_document(_ADAPTER, content, FORMAT, where)
    try:
        return LiveExperiments(found.epoch, found.experiments, found.live_epoch)
    except InputError as error:
        raise DataError(
            f"{where} cannot be used. {error.message}", hint="Publish the experiments again."
        ) from None


def _check(one: LiveExperiment) -> None:
    names = [arm.name for arm in one.arms]
    if not names or len(set(names)) < len(names) or "" in names:
        raise InputError(f"Each arm of experiment {one.experiment_id} needs a name of its own.")
    if any(arm.share < 0 for arm in one.arms) or abs(sum(arm.share for arm in one.arms) - 1) > 1e-9:
        raise InputError(
            f"The shares of the arms of experiment {one.experiment_id} do not add up to 1."
        )
    for arm in one.arms:
        if arm.version not in ("", AS_LIVE):
            check_version(arm.version)
