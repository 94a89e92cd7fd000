"""Credentials are masked, look-alikes are not, JSON stays JSON."""

import json
from collections import Counter

import labelled_secrets
import pytest
from hypothesis import given
from hypothesis import strategies as st
from labelled_lookalikes import lookalikes
from labelled_secrets import Part, Secret, secrets

from models.dialects import decode
from models.redaction import Redactor

redactor = Redactor()


def remains(secret: Secret) -> str:
    """What is left of a credential; no piece of it may be."""
    after = redactor.message(secret.text.encode()).data.decode()
    pieces = [piece for piece in secret.secret.split("\n") if not piece.startswith(("-----", "Proc", "DEK"))]
    if secret.kind in ("slack hook", "discord hook"):
        pieces = [secret.secret.rpartition("/")[2]]
    elif secret.kind == "azure storage":
        pieces = [secret.secret.rpartition("AccountKey=")[2]]
    parts = [piece[at : at + 12] for piece in pieces for at in range(0, max(1, len(piece) - 11), 12)]
    return " ".join(part for part in parts if part and part in after)


@pytest.mark.parametrize("part", ["FIRST", "SECOND", "HELD_OUT"])
def test_credentials_are_masked(part: str) -> None:
    labelled = list(secrets(getattr(labelled_secrets, part)))
    missed = [secret for secret in labelled if remains(secret)]
    assert len(labelled) >= 200
    assert len(missed) <= 0.02 * len(labelled), missed


@pytest.mark.parametrize(("part", "least"), [("first", 300), ("second", 300), ("held out", 500)])
def test_lookalikes_are_left_alone(part: str, least: int) -> None:
    labelled = list(lookalikes(part))
    masked = [(text, after) for text in labelled if (after := redactor.message(text.encode()).data.decode()) != text]
    assert len(labelled) >= least
    assert len(masked) <= 0.01 * len(labelled), masked


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("password: hunter2", "password: [redacted-password]"),
        ('{"password":"x1","max_tokens":4096}', '{"password":"[redacted-password]","max_tokens":4096}'),
        (r'{"args":"{\"password\":\"hunter2\"}"}', r'{"args":"{\"password\":\"[redacted-password]\"}"}'),
        (r'{"text":"A=1\nAPI_KEY=\"x b1c2d3\"\n"}', r'{"text":"A=1\nAPI_KEY=\"[redacted-secret]\"\n"}'),
        ('{"password":1234567}', '{"password":"[redacted-password]"}'),
        ('{"passwords":["hunter2","dragon7"]}', '{"passwords":["[redacted-password]","[redacted-password]"]}'),
        ("postgres://bob:s3cr3t@db:5432/x", "postgres://bob:[redacted-url-password]@db:5432/x"),
        (r'{"url":"https:\/\/bob:s3cr3t@db\/x"}', '{"url":"https://bob:[redacted-url-password]@db/x"}'),
        (r'{"text":"p\u0061ssword: hunter2"}', '{"text":"password: [redacted-password]"}'),
        ("<password>hunter2</password>", "<password>[redacted-password]</password>"),
        ("--password hunter2 --token $TOKEN", "--password [redacted-password] --token $TOKEN"),
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic [redacted-authorization]"),
        ('{"Authorization":"Basic dXNlcjpwYXNzd29yZA=="}', '{"Authorization":"Basic [redacted-token]"}'),
        ("not json, sk-ant-api03-aaaaaaaaaaaaaaaaaaaaaaaaaaa1", "not json, [redacted-anthropic-key]"),
        ("pass: hunter2", "pass: [redacted-password]"),
        ("pass=hunter2", "pass=[redacted-password]"),
        ("Password is hunter2", "Password is [redacted-password]"),
        ("the wifi password is: k9x-Lm22pQ", "the wifi password is: [redacted-password]"),
        ("the password for ada@db is hunter2", "the password for ada@db is [redacted-password]"),
        ("**Password:** Ws1BjO4FkkNn!9", "**Password:** [redacted-password]"),
        ("| password | qiYsYsAQM8dq!9 |", "| password | [redacted-password] |"),
        ("AWS Secret Access Key [None]: OIBoDqeCzb9ie9WAUltW", "AWS Secret Access Key [None]: [redacted-secret]"),
        ("IDENTIFIED BY 'hunter2'", "IDENTIFIED BY '[redacted-password]'"),
        ("echo 'ada:hunter2' | chpasswd", "echo 'ada:[redacted-password]' | chpasswd"),
        ("echo hunter2 | sudo -S true", "echo [redacted-password] | sudo -S true"),
        ("docker login -u ada -p hunter2", "docker login -u ada -p [redacted-password]"),
        ("redis-cli -a hunter2 ping", "redis-cli -a [redacted-password] ping"),
        ("keytool -storepass hunter2 -list", "keytool -storepass [redacted-password] -list"),
        ("requests.get(u, auth=('ada', 'hunter2'))", "requests.get(u, auth=('ada', '[redacted-basic-auth]'))"),
        ("ENV ADMIN_PASSWORD qQYjTZIV", "ENV ADMIN_PASSWORD [redacted-secret]"),
        ("app password: abcd efgh ijkl mnop", "app password: [redacted-password]"),
        (f"seed phrase: {'apple river ' * 6}".strip(), "seed phrase: [redacted-seed-phrase]"),
        ('<add key="ApiKey" value="eHiKEmZzykKL94711" />', '<add key="ApiKey" value="[redacted-secret]" />'),
        ("Cookie: lang=en; sid=XgF2Po4syjUxy43a9TF8; x=y", "Cookie: [redacted-cookie]"),
        ("curl -b 'session=da26775ccc63e3cb6cb8' https://x", "curl -b '[redacted-cookie]' https://x"),
        ('{"Cookie":"lang=en; sid=XgF2Po4syjUxy43a9TF8"}', '{"Cookie":"[redacted-secret]"}'),
        ('{"Name":"DB_PASS","Value":"hunter2"}', '{"Name":"DB_PASS","Value":"[redacted-password]"}'),
        ('{"auth":"Ym9iOmh1bnRlcjIyIQ=="}', '{"auth":"[redacted-token]"}'),
        ("https://x.org/?q=1&appid=6a2a5f2087eb98f34494fb78ad2830c0", "https://x.org/?q=1&appid=[redacted-url-key]"),
        ("https://api.telegram.org/bot5138710204:AAV1HeS1xgNSgIl9IzydqvNbuzvKdbZhvYo/getMe",
         "https://api.telegram.org/bot[redacted-telegram-token]/getMe"),
    ],
)  # fmt: skip
def test_the_secret_alone_is_replaced(text: str, masked: str) -> None:
    assert redactor.message(text.encode()).data.decode() == masked


@pytest.mark.parametrize("before", ["", "> ", "    ", "  12\t"])
@pytest.mark.parametrize("as_json", [False, True])
def test_a_private_key_is_masked_however_its_lines_begin(before: str, *, as_json: bool) -> None:
    body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj"
    text = "\n".join(before + line for line in ("-----BEGIN PRIVATE KEY-----", body, body, "-----END PRIVATE KEY-----"))
    data = json.dumps({"text": text}) if as_json else text
    assert body[:20] not in redactor.message(data.encode()).data.decode()


@pytest.mark.parametrize(
    "text",
    [
        "OPENAI_API_KEY=sk-...",
        "OPENAI_API_KEY=sk-xxxxxxxxxxxxxxxxxxxxxxxx",
        'API_KEY="${API_KEY:?missing}"',
        "arn:aws:secretsmanager:eu-central-1:123456789012:secret:prod/db-AbCdEf",
        "PASS: tests/test_app.py::test_login",
        "pass: 3, fail: 0",
        "the password is case-sensitive",
        "the password is base64 encoded",
        "password: &str,",
        "| password | string | the user's password |",
        "gcloud secrets versions access latest --secret=db-password",
        "look for -----BEGIN PRIVATE KEY----- in the logs of the machine that was broken into",
        "Cookie: theme=dark; lang=en",
        "seed phrase: wallets show it once",
        "https://x.org/?key=user-profile-settings-page",
    ],
)
def test_what_only_speaks_of_credentials_is_left_alone(text: str) -> None:
    assert redactor.message(text.encode()).data.decode() == text


def test_a_name_is_masked_wherever_its_secret_ends_in_a_page_without_spaces() -> None:
    page = "token|" * 20_000 + '"password=hunter2&x=1"' + "password:" * 20_000
    assert "hunter2" not in redactor.message(page.encode()).data.decode()


def test_what_is_masked_is_counted_by_kind() -> None:
    data = b'{"a":"AKIAIOSFODNN7EXAMPL2 and AKIAIOSFODNN7EXAMPL3","password":"hunter2"}'
    assert redactor.message(data).found == Counter({"aws-key": 2, "password": 1})


def test_bytes_without_credentials_are_the_same_object() -> None:
    data = b'{ "text" : "nothing here", "usage": {"totalTokens": 7241} }'
    assert redactor.message(data).data is data
    assert redactor.message(b"\xff\xfe not text").data == b"\xff\xfe not text"


def test_bytes_that_are_no_text_are_masked_too() -> None:
    assert redactor.message(b"\xff password: hunter2\n\xfe").data == b"\xff password: [redacted-password]\n\xfe"


def test_users_patterns_are_added() -> None:
    own = Redactor({"badge": r"BADGE-\d{6}", "customer": r"customer no\. (\d+)"})
    masked = own.message(b'{"text":"BADGE-123456, customer no. 42, password: hunter2"}')
    assert (
        masked.data == b'{"text":"[redacted-badge], customer no. [redacted-customer], password: [redacted-password]"}'
    )
    assert masked.found == {"badge": 1, "customer": 1, "password": 1}


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(", "redaction pattern 'x': missing ), unterminated subpattern at position 0"),
        ("a*", "redaction pattern 'x': it matches the empty string"),
    ],
)
def test_patterns_that_cannot_be_used_are_named(pattern: str, reason: str) -> None:
    with pytest.raises(ValueError, match="redaction pattern") as error:
        Redactor({"x": pattern})
    assert str(error.value) == reason


def test_an_event_is_masked_in_every_field() -> None:
    data = json.dumps(
        {"id": "1", "ts": 1795356164048, "agent": "a", "session": "agent:a:main", "type": "tool.result",
         "payload": {"toolName": "exec", "params": {"command": "curl -u bob:hunter22 https://x"},
                     "result": "Error: password: hunter22", "error": "password: hunter22"}}
    ).encode()  # fmt: skip
    event = decode(data, stream="log", seq=1)
    masked, found = redactor.event(event)
    assert "hunter22" in event.text + event.arguments + event.error
    assert "hunter22" not in masked.text + masked.arguments + masked.error + masked.payload
    assert masked.digest == event.digest
    assert found == {"basic-auth": 1, "password": 2}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
some_secrets = st.sampled_from([s for s in secrets(labelled_secrets.FIRST) if s.kind != "private key"])


@given(json_values, some_secrets, st.booleans())
def test_json_stays_json_and_masking_twice_changes_nothing(value: object, secret: Secret, nested: bool) -> None:
    data = json.dumps(
        {"value": value, "said": secret.text, "more": json.dumps([secret.text]) if nested else ""}
    ).encode()
    once = redactor.message(data)
    assert json.loads(once.data)["value"] == value or "redacted-" in once.data.decode()
    assert secret.secret not in once.data.decode()
    assert redactor.message(once.data) == (once.data, {})


@given(st.binary(max_size=300))
def test_any_bytes_can_be_masked(data: bytes) -> None:
    once = redactor.message(data).data
    assert redactor.message(once).data == once


@given(st.text(max_size=200))
def test_any_text_can_be_masked(text: str) -> None:
    assert redactor.text(text)[0] == redactor.text(redactor.text(text)[0])[0]


def test_the_labelled_parts_differ() -> None:
    parts: list[Part] = [labelled_secrets.FIRST, labelled_secrets.SECOND, labelled_secrets.HELD_OUT]
    texts = [{secret.text for secret in secrets(part)} for part in parts]
    assert not texts[0] & texts[1]
    assert not texts[2] & (texts[0] | texts[1])
