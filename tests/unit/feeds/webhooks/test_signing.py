"""Signatures of webhooks: the scheme's own vectors, and what must not pass."""

from __future__ import annotations

import pytest

from feeds.webhooks.signing import SecretError, headers, secret_of, verified

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID, AT = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def given(**other: str) -> dict[str, str]:
    found = {"webhook-id": ID, "webhook-timestamp": str(AT), "webhook-signature": SIGNATURE}
    return found | {name.replace("_", "-"): value for name, value in other.items()}


def test_the_schemes_vector() -> None:
    assert headers(secret_of(SECRET), ID, AT, BODY) == given()


def test_a_cloud_event_of_442_bytes() -> None:
    body = (
        b'{"specversion":"1.0","id":"01JHKQ3W5Y8M6V2T9C4B7N1XZA","source":"urn:example:gateway:yn-01",'
        b'"type":"org.example.border.crossed.v1","subject":"vin:LZZTESTA6PN000001",'
        b'"time":"2026-01-15T03:23:17Z","datacontenttype":"application/json",'
        b'"dataschema":"https://example.org/schemas/border-crossed/1","partitionkey":"LZZTESTA6PN000001",'
        b'"sequence":"0000000000000042","data":{"zone":"CN-LA:MHN-BTN","direction":"CN>LA",'
        b'"lat":21.187656,"lon":101.681466}}'
    )
    assert len(body) == 442
    secret = secret_of("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
    signed = headers(secret, "01JHKQ3W5Y8M6V2T9C4B7N1XZA", 1768447400, body)
    assert signed["webhook-signature"] == "v1,gM26uky01iXw3Uqf92Dn9vudwb0NfIAthp21tRncWk4="


@pytest.mark.parametrize("late_s", [-300, 0, 300])
def test_a_receiver_accepts_what_is_signed_and_recent(late_s: int) -> None:
    assert verified(secret_of(SECRET), given(), BODY, AT + late_s)
    rotated = given(webhook_signature=f"v1a,abc v1,AAAA {SIGNATURE}")
    assert verified(secret_of(SECRET), rotated, BODY, AT + late_s)


@pytest.mark.parametrize(
    "other",
    [
        {"webhook_signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OA="},
        {"webhook_signature": SIGNATURE.replace("v1,", "v2,")},
        {"webhook_signature": ""},
        {"webhook_timestamp": "soon"},
        {"webhook_timestamp": str(AT + 1)},
        {"webhook_id": "msg_other"},
        {"webhook_id": ""},
    ],
)
def test_a_receiver_refuses_everything_else(other: dict[str, str]) -> None:
    assert not verified(secret_of(SECRET), given(**other), BODY, AT)


@pytest.mark.parametrize("late_s", [-301, 301])
def test_a_receiver_refuses_what_is_old_or_of_the_future(late_s: int) -> None:
    assert not verified(secret_of(SECRET), given(), BODY, AT + late_s)


@pytest.mark.parametrize("text", ["", "whsec_", "whsec_AAAA", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_*"])
def test_a_weak_or_broken_secret_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(SecretError, match="want whsec_") as error:
        secret_of(text)
    hidden = text.removeprefix("whsec_")
    assert not hidden or hidden not in str(error.value)
