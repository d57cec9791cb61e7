"""What is signed is followed; everything else is not."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from phantom_core.core.errors import InputError, UnavailableError
from phantom_core.core.settings import Settings, SigningSettings
from phantom_core.signing.keys import (
    PublicKeys,
    Signature,
    SigningKey,
    prepare_key,
    public_keys,
    rotate_key,
    signing_key,
)

KEY = Ed25519PrivateKey.generate()
OTHER = Ed25519PrivateKey.generate()
TRUSTED = PublicKeys((KEY.public_key(),))


@given(st.binary(max_size=200), st.binary(max_size=200), st.text(max_size=9))
def test_only_the_same_content_for_the_same_purpose_is_signed(
    content: bytes, other: bytes, purpose: str
) -> None:
    signed = SigningKey(KEY).sign("release", content)
    assert TRUSTED.is_signed("release", content, signed)
    assert TRUSTED.is_signed("release", other, signed) is (other == content)
    assert TRUSTED.is_signed(purpose, content, signed) is (purpose == "release")


def test_a_signature_of_another_key_counts_for_nothing() -> None:
    forged = SigningKey(OTHER).sign("release", b"prices")
    assert not TRUSTED.is_signed("release", b"prices", forged)
    named = Signature(SigningKey(KEY).key_id, forged.value)
    assert not TRUSTED.is_signed("release", b"prices", named)
    for odd in ("", "%", "A", "ä", "A" * 88):
        assert not TRUSTED.is_signed("release", b"prices", Signature(named.key_id, odd))


def test_a_new_workspace_has_keys_that_only_its_user_reads(tmp_path: Path) -> None:
    settings = Settings(workspace=tmp_path)
    signed = signing_key(settings).sign("live", b"x")
    assert public_keys(settings).is_signed("live", b"x", signed)
    assert signing_key(settings).key_id == signed.key_id
    assert settings.paths.signing_key.stat().st_mode & 0o777 == 0o600
    assert settings.paths.signing_key.parent.stat().st_mode & 0o777 == 0o700


def test_after_a_rotation_both_signatures_hold(tmp_path: Path) -> None:
    settings = Settings(workspace=tmp_path)
    before = signing_key(settings).sign("live", b"x")
    after = rotate_key(settings).sign("live", b"x")
    trusted = public_keys(settings)
    assert trusted.key_ids == (after.key_id, before.key_id)
    assert trusted.is_signed("live", b"x", before)
    assert trusted.is_signed("live", b"x", after)


def test_keys_of_the_settings_are_read_and_never_made(tmp_path: Path) -> None:
    private, public = tmp_path / "key.pem", tmp_path / "public.pem"
    signing = SigningSettings(key_file=private, public_keys_file=public)
    settings = Settings(workspace=tmp_path / "w", signing=signing)
    with pytest.raises(UnavailableError, match="cannot be read"):
        signing_key(settings)
    private.write_text("nothing")
    with pytest.raises(InputError, match="no Ed25519 private key"):
        signing_key(settings)
    private.write_bytes(
        KEY.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    public.write_bytes(b"no key")
    with pytest.raises(InputError, match="no public key"):
        public_keys(settings)
    public.write_bytes(SigningKey(OTHER).public_pem() + SigningKey(KEY).public_pem())
    assert public_keys(settings).is_signed("a", b"", signing_key(settings).sign("a", b""))
    with pytest.raises(InputError, match="which the settings name"):
        rotate_key(settings)
    assert not settings.paths.signing_key.exists()


def test_a_prepared_key_is_trusted_before_it_signs(tmp_path: Path) -> None:
    settings = Settings(workspace=tmp_path)
    first = signing_key(settings)
    made = prepare_key(settings)
    assert prepare_key(settings).key_id == made.key_id
    assert signing_key(settings).key_id == first.key_id
    assert public_keys(settings).key_ids == (first.key_id, made.key_id)
    assert rotate_key(settings).key_id == signing_key(settings).key_id == made.key_id
    assert public_keys(settings).key_ids == (made.key_id, first.key_id)
    assert not settings.paths.next_signing_key.exists()
