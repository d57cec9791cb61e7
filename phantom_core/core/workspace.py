"""Workspace: the paths of an installation's folder; no other module joins them."""

import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_ALL_BUT_OTHERS: Final = 0o770
_OWNER_FILE: Final = 0o600
_OWNER_FOLDER: Final = 0o700


def make_private_folder(folder: Path) -> None:
    """Make a folder that its owner alone may open; one that exists is closed to the world."""
    if not folder.exists():
        folder.mkdir(parents=True, exist_ok=True, mode=_OWNER_FOLDER)
    _close_to_the_world(folder)


def make_private_file(path: Path) -> None:
    """Make an empty file that its owner alone may read; one that exists is closed to the world."""
    if not path.exists():
        with suppress(FileExistsError):
            path.touch(mode=_OWNER_FILE, exist_ok=False)
    _close_to_the_world(path)


def _close_to_the_world(path: Path) -> None:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & ~_ALL_BUT_OTHERS:
        with suppress(PermissionError):  # of another user, who decides
            path.chmod(mode & _ALL_BUT_OTHERS)


@dataclass(frozen=True, slots=True)
class WorkspacePaths:
    """Folders and files of a workspace.

    Attributes:
        root: the workspace itself.
    """

    root: Path

    @property
    def lake(self) -> Path:
        """Delta tables."""
        return self.root / "lake"

    @property
    def control_database(self) -> Path:
        """The SQLite file of accounts, approvals and jobs."""
        return self.root / "control.sqlite"

    @property
    def decisions(self) -> Path:
        """Price decisions that wait to be written to the lake."""
        return self.root / "decisions"

    @property
    def logs(self) -> Path:
        """Output of job workers, a file each."""
        return self.root / "logs"

    @property
    def mappings(self) -> Path:
        """Mappings that users built for their own exports."""
        return self.root / "mappings"

    @property
    def policies(self) -> Path:
        """Trained policies."""
        return self.root / "policies"

    @property
    def scenarios(self) -> Path:
        """Market scenarios that users saved."""
        return self.root / "scenarios"

    @property
    def simulations(self) -> Path:
        """Results of simulated markets."""
        return self.root / "simulations"

    @property
    def uploads(self) -> Path:
        """Files uploaded in the app."""
        return self.root / "uploads"

    @property
    def calibrations(self) -> Path:
        """Market scenarios calibrated on the lake."""
        return self.root / "calibrations"

    @property
    def approved_catalogue(self) -> Path:
        """Approved versions of the catalogue, and proposed changes of base prices."""
        return self.root / "catalogue"

    @property
    def demo_files(self) -> Path:
        """Files of the demo set."""
        return self.root / "demo"

    @property
    def demo_mark(self) -> Path:
        """Marker of the demo set that is loaded."""
        return self.root / "demo.json"

    @property
    def inbox(self) -> Path:
        """The local buffer of accepted messages."""
        return self.root / "inbox"

    @property
    def refusals(self) -> Path:
        """Counts of what ingest services refused."""
        return self.root / "refusals"

    @property
    def leakage(self) -> Path:
        """Newest ledgers of leakage, with the purchases behind them."""
        return self.root / "leakage"

    @property
    def learned_rules(self) -> Path:
        """Rules learned for money, a file each."""
        return self.root / "learned_rules"

    @property
    def frontiers(self) -> Path:
        """What prices can reach at all: revenue against leakage, a file each."""
        return self.root / "frontiers"

    @property
    def summaries(self) -> Path:
        """Newest summaries of revenue and leakage."""
        return self.root / "summaries"

    @property
    def monitoring(self) -> Path:
        """Report of the newest monitoring run."""
        return self.root / "monitoring"

    @property
    def network_losses(self) -> Path:
        """Losses of the newest training of the network, a line per epoch."""
        return self.root / "training" / "multitask-losses.jsonl"

    @property
    def network_tuning(self) -> Path:
        """Journal of the search over the network's hyperparameters."""
        return self.root / "training" / "multitask-tuning.journal"

    @property
    def replays(self) -> Path:
        """Newest replays, with the sessions they change."""
        return self.root / "replays"

    @property
    def retraining(self) -> Path:
        """Reports of retrainings."""
        return self.root / "retraining"

    @property
    def rule_sets(self) -> Path:
        """Rule sets saved by name."""
        return self.root / "rule_sets"

    @property
    def queries(self) -> Path:
        """SQL queries saved by name."""
        return self.root / "queries"

    @property
    def rule_drafts(self) -> Path:
        """Unsaved rules, a file per person."""
        return self.root / "rule_drafts"

    def mapping_draft(self, person: str) -> Path:
        """The mapping that a person is building."""
        return self.root / "mapping_drafts" / f"{person}.json"

    @property
    def policy_rules(self) -> Path:
        """Rule sets that the simulator prices with."""
        return self.root / "rules"

    @property
    def scratch(self) -> Path:
        """Files of work in progress."""
        return self.root / "scratch"

    @property
    def workspace_id(self) -> Path:
        """Id of this workspace among those of one control database."""
        return self.root / "workspace.id"

    @property
    def signing_key(self) -> Path:
        """Private key of this installation, where the settings name none."""
        return self.root / "keys" / "signing.pem"

    @property
    def next_signing_key(self) -> Path:
        """Private key that is trusted already and used after the next rotation."""
        return self.root / "keys" / "next.pem"

    @property
    def public_keys(self) -> Path:
        """Public keys of this installation, the current one first."""
        return self.root / "keys" / "public.pem"

    @property
    def audit_anchor(self) -> Path:
        """Signed heads of the audit chain, a line each, where the settings name no other file."""
        return self.root / "audit-anchor.jsonl"

    @property
    def anchor_state(self) -> Path:
        """What store and webhook have received of the audit chain."""
        return self.root / "audit-anchor.state.json"

    @property
    def privacy_key(self) -> Path:
        """Secret with which erased ids are hashed."""
        return self.root / "keys" / "privacy.key"

    @property
    def erased(self) -> Path:
        """Keyed hashes of what was erased, a line each."""
        return self.root / "privacy" / "erased.jsonl"

    @property
    def pending_erasure(self) -> Path:
        """The erasure that runs, or was interrupted."""
        return self.root / "privacy" / "pending.json"

    @property
    def embedded_data(self) -> Path:
        """Data of the embedded server."""
        return self.root / "valkey" / "appendonlydir"

    @property
    def kill_file(self) -> Path:
        """While it is there, every session pays the base price."""
        return self.root / "KILL"

    @property
    def followed(self) -> Path:
        """The newest published documents that the pricing service has verified."""
        return self.root / "pricing" / "followed"

    @property
    def opened_models(self) -> Path:
        """Hashes of models that were opened safely."""
        return self.root / "pricing" / "opened"

    @property
    def all_models(self) -> Path:
        """Saved models of every kind."""
        return self.root / "models"

    def models(self, kind: str) -> Path:
        """Saved models of a kind."""
        return self.all_models / kind
