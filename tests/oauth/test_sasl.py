"""The words of a login with a token, by the letter of their specifications."""

from __future__ import annotations

from gateway.oauth.sasl import Exchange, mechanism_of


def exchange(mechanism: str, user: str = "someuser@example.com") -> Exchange:
    return Exchange(mechanism=mechanism, user=user, token="vF9dft4qmT", host="server.example.com", port=143)


def test_xoauth2_is_what_google_and_microsoft_document() -> None:
    assert exchange("XOAUTH2")(b"") == b"user=someuser@example.com\x01auth=Bearer vF9dft4qmT\x01\x01"


def test_oauthbearer_is_the_example_of_rfc_7628() -> None:
    expected = b"n,a=user@example.com,\x01host=server.example.com\x01port=143\x01auth=Bearer vF9dft4qmT\x01\x01"
    assert exchange("OAUTHBEARER", "user@example.com")(b"") == expected
    assert exchange("OAUTHBEARER", "a,b=c@example.com")(b"").startswith(b"n,a=a=2Cb=3Dc@example.com,\x01")


def test_a_refusal_is_answered_and_remembered() -> None:
    for mechanism, answer in (("XOAUTH2", b""), ("OAUTHBEARER", b"\x01")):
        one = exchange(mechanism)
        one(b"")
        assert one(b'{"status":"400"}') == answer
        assert one.server_error == '{"status":"400"}'


def test_a_token_is_in_no_repr() -> None:
    assert "vF9dft4qmT" not in repr(exchange("XOAUTH2"))


def test_xoauth2_is_taken_first_and_nothing_where_nothing_is_offered() -> None:
    assert mechanism_of({"PLAIN", "OAUTHBEARER", "XOAUTH2"}) == "XOAUTH2"
    assert mechanism_of({"OAUTHBEARER", "PLAIN"}) == "OAUTHBEARER"
    assert mechanism_of({"PLAIN"}) == ""
