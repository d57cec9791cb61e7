"""Server paths: which files of this machine, and which databases, a load may read.

The control database is never opened, by whomever: closing a handle of it in this process would end
the locks that SQLite holds on it.
"""

import glob
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from phantom_core.core.errors import InputError, NotAllowedError
from phantom_core.core.workspace import WorkspacePaths

_SCHEMES: Final = ("postgresql", "postgres")
_OPTIONS: Final = frozenset({"sslmode", "application_name", "connect_timeout"})
_SQLITE_FILES: Final = ("", "-wal", "-shm", "-journal")
_PORT: Final = 5_432


@dataclass(frozen=True, slots=True)
class Sources:
    """What may be read.

    Attributes:
        paths: of the workspace, of which only what users put into it may be read.
        folders: whose files may be read; None means every file that this process may open.
        hosts: of databases, `host` or `host:port`; None means all.
    """

    paths: WorkspacePaths
    folders: tuple[Path, ...] | None = ()
    hosts: tuple[str, ...] | None = ()

    def require_file(self, path: str | Path) -> Path:
        """A path of which a file, folder or glob may be read.

        Args:
            path: as it was entered.
        Returns:
            The same path.
        Raises:
            NotAllowedError: it is outside the allowed folders, or of the control database.
        """
        try:
            self._require_readable(_fixed_part(path))
            for found in _named_files(path):
                self._require_readable(found)
        except (OSError, ValueError, RuntimeError) as error:
            raise InputError(f"'{str(path)[:200]}' cannot be looked up: {error}.") from error
        return Path(path)

    def require_files(self, paths: Iterable[Path]) -> None:
        """Require that each of these files may be read.

        Raises:
            NotAllowedError: one may not.
        """
        for path in paths:
            self._require_readable(path)

    def require_database(self, url: str) -> None:
        """Require that a PostgreSQL database may be read.

        Args:
            url: postgresql://user@host:5432/database.
        Raises:
            NotAllowedError: its host is not among those allowed, or it has options that could name
                another one.
        """
        if self.hosts is None:
            return
        try:
            parts = urlsplit(url)
            host, port = unquote(parts.hostname or "").lower(), parts.port or _PORT
        except ValueError:
            host, port = "", 0
        options = {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
        allowed = {name.lower() for name in self.hosts}
        known = {host, f"{host}:{port}"} & allowed
        if not host or "," in parts.netloc or options - _OPTIONS or not known:
            raise NotAllowedError(
                f"Databases at '{host or 'this machine'}' may not be read.",
                hint="An administrator of this server can allow the host in PHANTOM_SOURCE_HOSTS.",
            )

    def _require_readable(self, path: Path) -> None:
        real = path.resolve()
        if _is_control_database(self.paths, real):
            raise NotAllowedError(
                "The control database is no source.", hint="Load an export of your shop."
            )
        if self.folders is None or _is_below(real, _inputs(self.paths)):
            return
        if not _is_below(real, self.folders) or _is_below(real, (self.paths.root,)):
            raise NotAllowedError(
                "Files of this server can be read only below the folders that are allowed.",
                hint="Upload the file, or have an administrator of this server allow its folder "
                "in PHANTOM_SERVER_FOLDERS.",
            )


def looks_like_path(text: str) -> bool:
    """Whether a text that may be a name is a path instead; rules of several lines are neither.

    >>> looks_like_path("bands"), looks_like_path("../bands")
    (False, True)
    """
    if not text or "\n" in text:
        return False
    try:
        return "/" in text or "\\" in text or Path(text).exists()
    except (OSError, ValueError):
        return True


def is_database(where: str) -> bool:
    """Whether this is the URL of a database, not a path."""
    return where.lstrip().lower().startswith(tuple(f"{scheme}://" for scheme in _SCHEMES))


def _inputs(paths: WorkspacePaths) -> tuple[Path, ...]:
    """Folders of a workspace with what users put into it."""
    return (
        paths.uploads,
        paths.demo_files,
        paths.mappings,
        paths.scenarios,
        paths.rule_sets,
        paths.policy_rules,
    )


def _fixed_part(path: str | Path) -> Path:
    """The path up to its first wildcard."""
    given = Path(path)
    if not glob.has_magic(str(path)) or given.exists():
        return given
    fixed = Path(given.anchor)
    for part in given.parts[1:] if given.anchor else given.parts:
        if glob.has_magic(part):
            break
        fixed /= part
    return fixed


def _named_files(path: str | Path) -> list[Path]:
    if Path(path).exists():
        return [Path(path)]
    return [Path(name) for name in glob.glob(str(path))]  # noqa: PTH207 - absolute globs


def _is_below(real: Path, folders: Iterable[Path]) -> bool:
    return any(real.is_relative_to(folder.resolve()) for folder in folders)


def _is_control_database(paths: WorkspacePaths, real: Path) -> bool:
    """Whether a file is one of the control database, also by another name of it."""
    own = (Path(f"{paths.control_database}{suffix}") for suffix in _SQLITE_FILES)
    return any(real == one.resolve() or (_exists(real, one) and real.samefile(one)) for one in own)


def _exists(*paths: Path) -> bool:
    return all(path.exists() for path in paths)
