"""The real cause of a refusal, for every word that a provider is known to say."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.oauth.explain import GENERAL, GOOGLE, MICROSOFT, Cause, claims_of, login_refusal, token_refusal

USER = "helpdesk@example.com"


def cause(error: str, description: str = "", grant: str = "device_code") -> Cause:
    return token_refusal(error=error, description=description, name="m365", account=USER, grant=grant)


def jwt_of(**claims: Any) -> str:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"e30.{body}.c2lnbmF0dXJl"


# What the token server says, words of the cause, words of the hint.
REFUSALS = [
    ("invalid_client", "AADSTS7000215: Invalid client secret provided. Ensure…", "client secret is wrong", "Value"),
    ("invalid_client", "AADSTS7000222: The provided client secret keys are expired.", "expired", "Certificates"),
    ("unauthorized_client", "AADSTS700016: Application with identifier 'x' was not found", "no app", "client_id"),
    ("invalid_request", "AADSTS90002: Tenant 'contoso' not found.", "no such tenant", "tenant"),
    (
        "invalid_grant",
        "AADSTS50173: The provided grant has expired due to it being revoked",
        "revoked",
        "auth login m365",
    ),
    ("invalid_grant", "AADSTS700082: The refresh token has expired due to inactivity.", "90 days", "auth login m365"),
    ("invalid_grant", "AADSTS65001: The user or administrator has not consented", "consented", "Grant admin consent"),
    ("interaction_required", "AADSTS50076: … you must use multi-factor", "second factor", "auth login m365"),
    ("interaction_required", "AADSTS53003: Access has been blocked by Conditional Access", "Conditional", "exclude"),
    ("invalid_client", "AADSTS7000218: The request body must contain", "must show a secret", "public client flows"),
    ("invalid_grant", "Token has been expired or revoked.", "expired or revoked", "auth login m365"),
    ("invalid_grant", "Invalid email or User ID", f"there is no user {USER}", "account"),
    ("invalid_client", "", "id or secret is wrong", "client_id"),
    ("invalid_grant", "", "expired or revoked", "auth login m365"),
    ("expired_token", "", "in time", "auth login m365"),
    ("something_new", "Words.", "the token server refuses: Words.", ""),
    ("", "", "the token server refuses: no reason", ""),
]


@pytest.mark.parametrize(("error", "description", "text", "hint"), REFUSALS)
def test_a_refusal_is_explained(error: str, description: str, text: str, hint: str) -> None:
    found = cause(error, description)
    assert text in found.text
    assert hint in found.hint
    assert found.is_ours


@pytest.mark.parametrize("code", sorted(MICROSOFT))
def test_every_known_code_has_words_and_help(code: str) -> None:
    found = cause("invalid_grant", f"AADSTS{code}: Words. Trace ID: 8f0 Correlation ID: 7e1 Timestamp: 2026-01-01")
    assert "{" not in str(found)
    assert found.hint
    assert "Trace ID" not in str(found)


def test_every_word_of_google_and_of_the_standard_has_help() -> None:
    for words, _, _ in GOOGLE:
        assert cause("invalid_grant", words).hint
    for error in GENERAL:
        assert cause(error).hint


@pytest.mark.parametrize("description", ["AADSTS50196: The server terminated … loop", "AADSTS90033: transient"])
def test_a_busy_provider_is_nobodys_fault(description: str) -> None:
    assert not cause("invalid_grant", description).is_ours


def test_nobody_is_sent_to_log_in_for_an_app() -> None:
    found = cause("invalid_grant", "AADSTS50173: …", grant="client_credentials")
    assert "auth login" not in found.hint


# Provider, service, the mail server's words, the token's claims, what the hint must name.
EXCHANGE = "https://outlook.office365.com"
MAY_READ = {"aud": EXCHANGE, "roles": ["IMAP.AccessAsApp"]}
LOGINS: list[tuple[str, str, str, dict[str, Any], str]] = [
    ("microsoft", "imap", "AUTHENTICATE failed.", {"aud": EXCHANGE, "idtyp": "app"}, "no IMAP.AccessAsApp"),
    ("microsoft", "smtp", "535 5.7.3 no", {"aud": EXCHANGE, "roles": ["IMAP.AccessAsApp"]}, "no SMTP.SendAsApp"),
    ("microsoft", "imap", "AUTHENTICATE failed.", {"aud": EXCHANGE, "roles": ["IMAP.AccessAsApp"]},
     "Add-MailboxPermission -Identity helpdesk@example.com"),
    ("microsoft", "imap", "AUTHENTICATE failed.", MAY_READ, "New-ServicePrincipal"),
    ("microsoft", "imap", "AUTHENTICATE failed.", MAY_READ, "-ImapEnabled $true"),
    ("microsoft", "imap", "AUTHENTICATE failed.", {"aud": "https://graph.microsoft.com", "idtyp": "app"}, "graph"),
    ("microsoft", "imap", "AUTHENTICATE failed.", {"aud": EXCHANGE, "scp": "SMTP.Send", "upn": USER},
     "no IMAP.AccessAsUser.All"),
    ("microsoft", "imap", "AUTHENTICATE failed.",
     {"aud": EXCHANGE, "scp": "IMAP.AccessAsUser.All", "upn": "Anna@Example.com"}, "that of anna@example.com"),
    ("microsoft", "smtp", "535 5.7.139 … SmtpClientAuthentication is disabled for the Tenant.", {},
     "-SmtpClientAuthenticationDisabled $false"),
    ("microsoft", "smtp", "535 5.7.139 … SmtpClientAuthentication is disabled for the Mailbox.", {},
     "switched off for the mailbox"),
    ("microsoft", "smtp", "535 5.7.139 … your security defaults policy", {}, "security defaults"),
    ("google", "imap", "[ALERT] IMAP access is disabled for your domain.", {}, "switched off"),
    ("google", "imap", "[AUTHENTICATIONFAILED] Invalid credentials (Failure)", {}, "https://mail.google.com/"),
    ("google", "smtp", "535 5.7.8 Username and Password not accepted.", {}, "delegate"),
    ("other", "imap", "no", {}, "the token is good"),
]  # fmt: skip


@pytest.mark.parametrize(("provider", "service", "said", "claims", "wanted"), LOGINS)
def test_a_login_that_fails_with_a_good_token_is_explained(
    provider: str, service: str, said: str, claims: dict[str, Any], wanted: str
) -> None:
    token = jwt_of(**claims) if claims else "opaque"
    hint = login_refusal(provider=provider, service=service, said=said, server_error="", token=token, user=USER)
    assert wanted in hint
    assert token not in hint


def test_the_scope_that_a_server_wants_is_told() -> None:
    wanted = '{"status":"400","scope":"mail.example.com"}'
    hint = login_refusal(provider="other", service="imap", said="", server_error=wanted, token="x", user=USER)
    assert "the scope mail.example.com" in hint


@given(st.text(max_size=60), st.text(max_size=60))
def test_whatever_a_server_says_an_explanation_is_one_printable_line(said: str, more: str) -> None:
    found = str(cause(said, more))
    assert found.isprintable()
    hint = login_refusal(provider="other", service="imap", said=said, server_error=more, token=more, user=USER)
    assert hint.isprintable()


@given(st.one_of(st.text(max_size=40), st.binary(max_size=60).map(lambda raw: f"a.{base64.b64encode(raw).decode()}.b")))
def test_a_token_that_is_no_jwt_says_nothing(token: str) -> None:
    assert claims_of(token) is None


@given(
    st.dictionaries(
        st.sampled_from(["aud", "roles", "scp", "upn", "idtyp"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=9), lambda inner: st.lists(inner, max_size=3)
        ),
    )
)
def test_claims_of_any_shape_are_read(claims: dict[str, Any]) -> None:
    assert claims_of(jwt_of(**claims)) is not None
