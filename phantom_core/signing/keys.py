"""Keys: Ed25519 keys with which the control side signs what pricing services follow.

The private key belongs to whoever may publish. The public keys, one PEM block after the other in
one file, belong to every reader; the first one is current, the others are of earlier rotations.
"""

import base64
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from filelock import FileLock

from phantom_core.core.errors import InputError, UnavailableError
from phantom_core.core.settings import Settings

_END: Final = b"-----END PUBLIC KEY-----"
_PRIVATE_MODE: Final = 0o600


@dataclass(frozen=True, slots=True)
class Signature:
    """Who signed, and what.

    Attributes:
        key_id: of the key, 16 hexadecimal digits.
        value: 64 bytes in URL-safe base64.
    """

    key_id: str
    value: str


class SigningKey:
    """A private key."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.key_id: Final = _key_id(key.public_key())

    def sign(self, purpose: str, content: bytes) -> Signature:
        """Sign some content for one purpose; the signature is worth nothing for another one.

        Args:
            purpose: a fixed word, such as the format of a document.
            content: bytes to sign.
        """
        value = self._key.sign(_message(purpose, content))
        return Signature(self.key_id, base64.urlsafe_b64encode(value).decode())

    @property
    def public_keys(self) -> "PublicKeys":
        """A reader's keys that trust this one alone."""
        return PublicKeys((self._key.public_key(),))

    def public_pem(self) -> bytes:
        """The public key that belongs to it, PEM."""
        return _pem(self._key.public_key())


class PublicKeys:
    """The public keys that a reader trusts."""

    def __init__(self, keys: tuple[Ed25519PublicKey, ...]) -> None:
        self._keys = {_key_id(key): key for key in keys}

    def all(self) -> tuple[Ed25519PublicKey, ...]:
        """The keys, the current one first."""
        return tuple(self._keys.values())

    @property
    def key_ids(self) -> tuple[str, ...]:
        """Ids, the current key's first."""
        return tuple(self._keys)

    def is_signed(self, purpose: str, content: bytes, signature: Signature) -> bool:
        """Whether a trusted key signed exactly this content for this purpose."""
        key = self._keys.get(signature.key_id)
        if key is None:
            return False
        try:
            value = base64.b64decode(signature.value, altchars=b"-_", validate=True)
            key.verify(value, _message(purpose, content))
        except (ValueError, InvalidSignature):
            return False
        return True


def signing_key(settings: Settings) -> SigningKey:
    """The private key; the workspace's own one is created at first use.

    Raises:
        UnavailableError: the file that the settings name cannot be read.
        InputError: it holds no Ed25519 key.
    """
    chosen = settings.signing.key_file
    if chosen is not None:
        return SigningKey(_read_private(chosen))
    path = settings.paths.signing_key
    _ensure_key(settings)
    return SigningKey(_read_private(path))


def public_keys(settings: Settings) -> PublicKeys:
    """The keys that a reader trusts; on the machine of the workspace they are created with its own.

    Raises:
        UnavailableError: the file that the settings name cannot be read.
        InputError: it holds something else than Ed25519 public keys.
    """
    chosen = settings.signing.public_keys_file
    if chosen is None:
        if settings.signing.key_file is not None:
            return PublicKeys((_read_private(settings.signing.key_file).public_key(),))
        _ensure_key(settings)
        chosen = settings.paths.public_keys
    return _parse_public(_read(chosen), chosen)


def public_pem(settings: Settings) -> str:
    """The keys that a reader trusts, PEM, the current one first.

    Raises:
        UnavailableError: the file that the settings name cannot be read.
        InputError: it holds something else than Ed25519 public keys.
    """
    return "".join(_pem(key).decode() for key in public_keys(settings).all())


def prepare_key(settings: Settings) -> SigningKey:
    """Create the next key, which readers trust from now on and nothing is signed with yet.

    Public keys that were copied to other machines are copied again before `rotate_key`.

    Raises:
        InputError: the private key is a file of the settings, which its owner replaces.
    """
    _check_own(settings)
    _ensure_key(settings)
    paths = settings.paths
    with _locked(settings):
        if paths.next_signing_key.exists():
            return SigningKey(_read_private(paths.next_signing_key))
        key = Ed25519PrivateKey.generate()
        made = SigningKey(key)
        _write(paths.public_keys, paths.public_keys.read_bytes() + made.public_pem())
        _write(paths.next_signing_key, _private_pem(key))
        return made


def rotate_key(settings: Settings) -> SigningKey:
    """Replace the workspace's own key by the prepared one, or else by a new one.

    Readers go on trusting the earlier public keys.

    Raises:
        InputError: the private key is a file of the settings, which its owner replaces.
    """
    _check_own(settings)
    paths = settings.paths
    with _locked(settings):
        earlier = paths.public_keys.read_bytes() if paths.public_keys.exists() else b""
        if not paths.next_signing_key.exists():
            return _create(settings, earlier)
        made = SigningKey(_read_private(paths.next_signing_key))
        pem = made.public_pem()
        _write(paths.public_keys, pem + earlier.replace(pem, b""))
        paths.next_signing_key.replace(paths.signing_key)
        return made


def _check_own(settings: Settings) -> None:
    if settings.signing.key_file is not None:
        raise InputError(
            f"The signing key is the file {settings.signing.key_file}, which the settings name.",
            hint="Replace that file, and put the new public key before the others.",
        )


def _ensure_key(settings: Settings) -> None:
    paths = settings.paths
    if paths.signing_key.exists() and paths.public_keys.exists():
        return
    with _locked(settings):
        if not paths.signing_key.exists():
            _create(settings, b"")
        elif not paths.public_keys.exists():
            _write(paths.public_keys, SigningKey(_read_private(paths.signing_key)).public_pem())


def _locked(settings: Settings) -> FileLock:
    folder = settings.paths.signing_key.parent
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    return FileLock(folder / "keys.lock")


def _create(settings: Settings, earlier: bytes) -> SigningKey:
    key = Ed25519PrivateKey.generate()
    made = SigningKey(key)
    # Readers know the new key before anything is signed with it.
    _write(settings.paths.public_keys, made.public_pem() + earlier)
    _write(settings.paths.signing_key, _private_pem(key))
    return made


def _private_pem(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _write(path: Path, content: bytes) -> None:
    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE_MODE)
    with os.fdopen(descriptor, "wb") as f:
        f.write(content)
        f.flush()
        os.fsync(f.fileno())
    partial.replace(path)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UnavailableError(
            f"The key file {path} cannot be read: {error.strerror}.",
            hint="Check PHANTOM_SIGNING_KEY_FILE and PHANTOM_SIGNING_PUBLIC_KEYS_FILE.",
        ) from None


def _read_private(path: Path) -> Ed25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(_read(path), password=None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError(
            f"{path} holds no Ed25519 private key in PEM without a password.",
            hint="Create one with `openssl genpkey -algorithm ed25519`.",
        )
    return key


def _parse_public(content: bytes, path: Path) -> PublicKeys:
    blocks = [part.strip() + b"\n" + _END for part in content.split(_END)[:-1]]
    found = []
    for block in blocks:
        try:
            key = serialization.load_pem_public_key(block)
        except ValueError:
            key = None
        if not isinstance(key, Ed25519PublicKey):
            raise InputError(f"{path} holds something else than Ed25519 public keys in PEM.")
        found.append(key)
    if not found:
        raise InputError(f"{path} holds no public key in PEM.")
    return PublicKeys(tuple(found))


def _pem(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _key_id(key: Ed25519PublicKey) -> str:
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return hashlib.sha256(raw).hexdigest()[:16]


def _message(purpose: str, content: bytes) -> bytes:
    return b"phantom:" + purpose.encode() + b"\0" + content
