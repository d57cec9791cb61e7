"""Signatures of jobs: who inserts a row with plain SQL lacks the key, so no worker acts for it."""

import json
from dataclasses import dataclass
from typing import Final

from phantom_core.core.errors import ConflictError
from phantom_core.signing.keys import PublicKeys, Signature, SigningKey

PURPOSE: Final = "job"


@dataclass(frozen=True, slots=True)
class SignedWork:
    """What the signature of a job covers.

    Attributes:
        job_id: of the job, so that the signature is worth nothing for another one.
        workspace: whose work it is; empty for a database inside the workspace.
        kind: of the job.
        arguments: as the row stores them, JSON without passwords.
        who: login of the account in whose name a worker acts, or the internal actor.
        created_ms: when it was requested, UTC milliseconds.
    """

    job_id: str
    workspace: str
    kind: str
    arguments: str
    who: str
    created_ms: int

    def sign(self, key: SigningKey) -> Signature:
        """The control side's signature."""
        return key.sign(PURPOSE, self._content())

    def require_signed(self, keys: PublicKeys, signature: Signature) -> None:
        """Reject work that the control side did not request in exactly this form.

        Raises:
            ConflictError: no trusted key signed it.
        """
        if keys.is_signed(PURPOSE, self._content(), signature):
            return
        if not signature.value:
            raise ConflictError(
                f"Job '{self.job_id}' carries no signature, so it is not run: it was queued before "
                "jobs were signed, or inserted with SQL.",
                hint="Start the work from its page, or with its command.",
            )
        raise ConflictError(
            f"Job '{self.job_id}' is not what was requested, so it is not run: its kind, options "
            "or account were changed in the database.",
            hint="Start the work from its page, or with its command. Audit: audit verify.",
        )

    def _content(self) -> bytes:
        parts = [
            self.job_id,
            self.workspace,
            self.kind,
            self.arguments,
            self.who,
            self.created_ms,
        ]
        return json.dumps(parts).encode()
