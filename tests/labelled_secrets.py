"""Labelled credentials: made by the formats that their issuers publish, in the places where agents meet them.

None is real. Three parts with different seeds and different surroundings: patterns were written looking at the first
two; the third was looked at only to measure.
"""

import base64
import json
import random
import string
from collections.abc import Callable, Iterator
from typing import NamedTuple

__all__ = ["FIRST", "HELD_OUT", "SECOND", "Part", "Secret", "secrets"]

Maker = Callable[[random.Random], str]

HEX = "0123456789abcdef"
ALNUM = string.ascii_letters + string.digits
URLSAFE = ALNUM + "-_"
BASE64 = ALNUM + "+/"
UPPER = string.ascii_uppercase + string.digits


class Secret(NamedTuple):
    """A text with a credential in it."""

    kind: str
    text: str
    secret: str
    """What must not be left of it."""


def _of(alphabet: str, length: int) -> Maker:
    return lambda rng: "".join(rng.choices(alphabet, k=length))


def _join(*parts: str | Maker) -> Maker:
    return lambda rng: "".join(part if isinstance(part, str) else part(rng) for part in parts)


def _one(*makers: Maker) -> Maker:
    return lambda rng: rng.choice(makers)(rng)


def _b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _jwt(rng: random.Random) -> str:
    header = _b64url(json.dumps({"alg": rng.choice(["HS256", "RS256", "ES256"]), "typ": "JWT"}).encode())
    claims = _b64url(json.dumps({"sub": str(rng.randrange(10**9)), "iat": 1516239022, "name": "Ada"}).encode())
    return f"{header}.{claims}.{_b64url(rng.randbytes(rng.choice([32, 64])))}"


def _pem(rng: random.Random) -> str:
    label = rng.choice(
        ["RSA PRIVATE KEY", "PRIVATE KEY", "EC PRIVATE KEY", "OPENSSH PRIVATE KEY", "ENCRYPTED PRIVATE KEY"]
    )
    body = base64.b64encode(rng.randbytes(rng.choice([120, 600, 1200]))).decode()
    lines = "\n".join(body[at : at + 64] for at in range(0, len(body), 64))
    extra = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0123456789ABCDEF\n\n" if label == "RSA PRIVATE KEY" else ""
    return f"-----BEGIN {label}-----\n{extra}{lines}\n-----END {label}-----"


def _discord(rng: random.Random) -> str:
    user = base64.b64encode(str(rng.randrange(10**17, 10**18)).encode()).decode().rstrip("=")
    return f"{user}.{_of(URLSAFE, 6)(rng)}.{_of(URLSAFE, 38)(rng)}"


FORMATS: dict[str, Maker] = {
    "openai": _one(
        _join("sk-", _of(ALNUM, 20), "T3BlbkFJ", _of(ALNUM, 20)),
        _join("sk-proj-", _of(URLSAFE, 74), "T3BlbkFJ", _of(URLSAFE, 73), "A"),
        _join("sk-svcacct-", _of(URLSAFE, 74), "T3BlbkFJ", _of(URLSAFE, 74)),
    ),
    "anthropic": _join("sk-ant-api03-", _of(URLSAFE, 93), "AA"),
    "openrouter": _join("sk-or-v1-", _of(HEX, 64)),
    "deepseek": _join("sk-", _of(HEX, 32)),
    "google api": _join("AIza", _of(URLSAFE, 35)),
    "google oauth": _one(_join("ya29.a0", _of(URLSAFE, 120)), _join("GOCSPX-", _of(URLSAFE, 28))),
    "aws access": _join(_one(lambda _: "AKIA", lambda _: "ASIA"), _of(string.ascii_uppercase + "234567", 16)),
    "azure storage": _join("DefaultEndpointsProtocol=https;AccountName=lore;AccountKey=", _of(BASE64, 86), "=="),
    "azure client": _join(_of(ALNUM, 3), "8Q~", _of(ALNUM + "-_.~", 34)),
    "github": _join(_one(*(lambda _, p=p: p for p in ("ghp_", "gho_", "ghs_", "ghu_", "ghr_"))), _of(ALNUM, 36)),
    "github fine": _join("github_pat_", _of(ALNUM, 22), "_", _of(ALNUM, 59)),
    "gitlab": _one(
        _join("glpat-", _of(URLSAFE, 20)), _join("glrt-", _of(URLSAFE, 20)), _join("gldt-", _of(URLSAFE, 20))
    ),
    "npm": _join("npm_", _of(ALNUM, 36)),
    "pypi": _join("pypi-AgEIcHlwaS5vcmc", _of(URLSAFE, 140)),
    "docker": _join("dckr_pat_", _of(URLSAFE, 27)),
    "huggingface": _join("hf_", _of(string.ascii_letters, 34)),
    "groq": _join("gsk_", _of(ALNUM, 52)),
    "replicate": _join("r8_", _of(ALNUM, 37)),
    "slack bot": _join("xoxb-", _of(string.digits, 12), "-", _of(string.digits, 13), "-", _of(ALNUM, 24)),
    "slack user": _join("xoxp-", _of(string.digits, 12), "-", _of(string.digits, 12), "-", _of(HEX, 32)),
    "slack app": _join("xapp-1-A", _of(UPPER, 10), "-", _of(string.digits, 13), "-", _of(HEX, 64)),
    "slack hook": _join("https://hooks.slack.com/services/T", _of(UPPER, 8), "/B", _of(UPPER, 10), "/", _of(ALNUM, 24)),
    "discord hook": _join("https://discord.com/api/webhooks/", _of(string.digits, 19), "/", _of(URLSAFE, 68)),
    "discord bot": _discord,
    "telegram": _join("7", _of(string.digits, 9), ":AA", _of(URLSAFE, 33)),
    "stripe": _one(
        _join("sk_live_", _of(ALNUM, 24)), _join("rk_live_", _of(ALNUM, 99)), _join("sk_test_51", _of(ALNUM, 97))
    ),
    "stripe hook": _join("whsec_", _of(ALNUM, 32)),
    "twilio": _join("SK", _of(HEX, 32)),
    "sendgrid": _join("SG.", _of(URLSAFE, 22), ".", _of(URLSAFE, 43)),
    "mailgun": _join("key-", _of(HEX, 32)),
    "mailchimp": _join(_of(HEX, 32), "-us", lambda rng: str(rng.randrange(1, 21))),
    "shopify": _join("shpat_", _of(HEX, 32)),
    "square": _join("sq0csp-", _of(URLSAFE, 43)),
    "digitalocean": _join("dop_v1_", _of(HEX, 64)),
    "databricks": _join("dapi", _of(HEX, 32)),
    "vault": _join("hvs.", _of(URLSAFE, 95)),
    "doppler": _join("dp.pt.", _of(ALNUM, 43)),
    "linear": _join("lin_api_", _of(ALNUM, 40)),
    "notion": _join("ntn_", _of(ALNUM, 46)),
    "airtable": _join("pat", _of(ALNUM, 14), ".", _of(HEX, 64)),
    "figma": _join("figd_", _of(URLSAFE, 40)),
    "grafana": _join("glsa_", _of(ALNUM, 32), "_", _of(HEX, 8)),
    "newrelic": _join("NRAK-", _of(UPPER, 27)),
    "postman": _join("PMAK-", _of(HEX, 24), "-", _of(HEX, 34)),
    "sentry": _join("sntryu_", _of(HEX, 64)),
    "supabase": _join("sbp_", _of(HEX, 40)),
    "terraform": _join(_of(ALNUM, 14), ".atlasv1.", _of(URLSAFE, 67)),
    "atlassian": _join("ATATT3xFfGF0", _of(URLSAFE, 170), "=", _of(UPPER, 8)),
    "tailscale": _join("tskey-auth-", _of(ALNUM, 12), "CNTRL-", _of(ALNUM, 32)),
    "age": _join("AGE-SECRET-KEY-1", _of("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58)),
    "jwt": _jwt,
    "private key": _pem,
}
"""Credentials that are known by their looks."""

WORDS = ("sunshine", "dragon", "letmein", "falcon", "winter", "monkey", "harbor", "velvet", "tiger", "coffee")
PASSWORDS: dict[str, Maker] = {
    "random": _of(ALNUM, 16),
    "symbols": lambda rng: _of(ALNUM, 5)(rng) + rng.choice("!#%+_-^") + _of(ALNUM, 4)(rng) + rng.choice("!*^~"),
    "word and year": lambda rng: rng.choice(WORDS).title() + str(rng.randrange(1970, 2030)) + rng.choice(["", "!"]),
    "word and digits": lambda rng: rng.choice(WORDS) + str(rng.randrange(10, 9999)),
    "leet": lambda rng: rng.choice(["Tr0ub4dor&3", "p4ssw0rd99", "S3cr3tS4uce", "h4rb0r-l1ght", "c0ff33B3ans"]),
}
TOKENS: dict[str, Maker] = {
    "hex": _of(HEX, 40),
    "base64": lambda rng: base64.b64encode(rng.randbytes(30)).decode(),
    "urlsafe": _of(URLSAFE, 32),
    "alnum": _of(ALNUM, 24),
}
"""What is known only by the name in front of it."""


class Part(NamedTuple):
    """Surroundings, and the seed of what is put there."""

    seed: int
    rounds: int
    shaped: tuple[Callable[[str], str], ...]
    """Surroundings of credentials that are known by their looks."""
    passwords: tuple[Callable[[str], str], ...]
    tokens: tuple[Callable[[str], str], ...]


def _json(**fields: object) -> str:
    return json.dumps(fields)


FIRST = Part(
    seed=1,
    rounds=3,
    shaped=(
        lambda s: s,
        lambda s: f"here is my key: {s} please keep it safe",
        lambda s: f"export SERVICE_KEY={s}\necho done",
        lambda s: _json(role="user", content=f"use {s}, then deploy"),
        lambda s: _json(config=_json(credential=s, region="eu")),
        lambda s: f"client = Client('{s}', timeout=3)",
        lambda s: _json(text=f"first line\n{s}\nlast line"),
    ),
    passwords=(
        lambda s: f"password: {s}",
        lambda s: f"DB_PASSWORD={s}",
        lambda s: f'export ADMIN_PASS="{s}"',
        lambda s: _json(user="ada", password=s),
        lambda s: _json(arguments=_json(host="db", password=s)),
        lambda s: f"postgres://ada:{_as_placed(s)}@db.example.org:5432/lore",
        lambda s: f"mysql -u root -p{s} lore",
        lambda s: f"curl -u ada:{s} https://example.org/",
        lambda s: f"my password is {s}, log in for me",
        lambda s: f"  password: '{s}'\n  host: db",
        lambda s: f"tool --user ada --password {s} --verbose",
        lambda s: f"machine example.org login ada password {s}",
        lambda s: f"Server=db;Database=lore;User Id=ada;Password={_as_placed(s)};Encrypt=yes",
    ),
    tokens=(
        lambda s: f"Authorization: Bearer {s}",
        lambda s: f"API_KEY={s}",
        lambda s: _json(access_token=s, expires_in=3600),
        lambda s: f"api_key = '{s}'",
        lambda s: f"https://example.org/hook?token={s}&user=ada",
        lambda s: f"curl -H 'X-Auth-Token: {s}' https://example.org",
        lambda s: f"aws_secret_access_key = {s}",
        lambda s: _json(headers={"Authorization": f"Basic {s}"}),
    ),
)

SECOND = Part(
    seed=20260801,
    rounds=3,
    shaped=(
        lambda s: f'+    token: "{s}",\n-    token: null,',
        lambda s: f"Can you check why this fails? I used {s}. It says 401.",
        lambda s: _json(phase="result", result={"content": [{"type": "text", "text": f"KEY={s}\nPORT=80"}]}),
        lambda s: f"<config><key>{s}</key></config>",
        lambda s: _json(payload=_json(inner=_json(value=s))),
        lambda s: f"[2026-03-08 22:03] debug: sending header x-key={s}; retry=1",
        lambda s: f"| service | `{s}` | active |",
    ),
    passwords=(
        lambda s: f"Passwort: {s}",
        lambda s: f"SMTP_PASS={s}\nSMTP_HOST=mail.example.org",
        lambda s: f'  "dbPassword" : "{s}",',
        lambda s: _json(toolName="login", params={"username": "ada", "passphrase": s}),
        lambda s: f"redis://:{_as_placed(s)}@cache.example.org:6379/0",
        lambda s: f"PGPASSWORD={s} psql -h db lore",
        lambda s: f"sshpass -p {s} ssh ada@example.org",
        lambda s: f"the root password is `{s}` on that box",
        lambda s: f'pwd = "{s}"',
        lambda s: f"spring.datasource.password={s}",
        lambda s: f"<password>{_as_placed(s)}</password>",
        lambda s: _json(env=[{"name": "ADMIN_PASSWORD", "value": s}]),
        lambda s: f"amqp://worker:{_as_placed(s)}@queue/vhost",
    ),
    tokens=(
        lambda s: _json(headers={"authorization": f"Bearer {s}"}),
        lambda s: f"//registry.example.org/:_authToken={s}",
        lambda s: f'const client_secret = "{s}";',
        lambda s: f"secretAccessKey: {s}",
        lambda s: f"JWT_SECRET={s}\nNODE_ENV=production",
        lambda s: f"x-api-key: {s}",
        lambda s: f"GET /v1/items?api_key={s} HTTP/1.1",
        lambda s: _json(refreshToken=s, scope="read"),
    ),
)


HELD_OUT = Part(
    seed=987654321,
    rounds=4,
    shaped=(
        lambda s: f"curl https://api.example.org/v1/items -d '{s}'",
        lambda s: f"ValueError: cannot use {s!r} here",
        lambda s: f'the reply was {{"a": [1, "{s}"]}} twice',
        lambda s: _json(content=[{"type": "text", "text": f"Müller schickt {s}\tund wartet"}]),
        lambda s: f"- name: KEY\n  value: {s}\n- name: PORT\n  value: 80\n",
        lambda s: f"git clone https://{s}@git.example.org/lore.git" if "\n" not in s and "/" not in s else s,
        lambda s: f'"{s}"',
        lambda s: _json(stdout=f"KEY {s}\r\nexit 0"),
    ),
    passwords=(
        lambda s: f"login: ada\npassword: {s}\n",
        lambda s: f"Mein Passwort lautet {s}, bitte merken.",
        lambda s: f"      MYSQL_ROOT_PASSWORD: {s}\n      MYSQL_DATABASE: lore",
        lambda s: _json(credentials={"username": "ada", "password": s}),
        lambda s: f"wget --http-password={s} https://example.org/file",
        lambda s: f"mongodb+srv://ada:{_as_placed(s)}@cluster0.example.net/lore?retryWrites=true",
        lambda s: f'<db user="ada" password="{_as_placed(s)}"/>',
        lambda s: f"{{user: 'ada', password: '{s}'}}",
        lambda s: f"New password: {s}",
        lambda s: _json(command=f"PGPASSWORD='{s}' pg_dump lore"),
        lambda s: f"connect(host='db', passwd='{s}')",
        lambda s: f"https://ada:{_as_placed(s)}@example.org/feed.xml",
        lambda s: f"REDIS_PASSWORD={s} # change me later",
    ),
    tokens=(
        lambda s: _json(apiKey=s, model="lab"),
        lambda s: f"API_TOKEN={s} ./deploy.sh production",
        lambda s: f'  api-key: "{s}"',
        lambda s: f'os.environ["API_TOKEN"] = "{s}"',
        lambda s: f"https://example.org/callback?access_token={s}#top",
        lambda s: f"production:\n  secret_key_base: {s}",
        lambda s: _json(client_secret=s, grant_type="client_credentials"),
        lambda s: f"PRIVATE-TOKEN: {s}",
        lambda s: f"> authorization: Bearer {s}\n> accept: */*",
    ),
)


def secrets(part: Part) -> Iterator[Secret]:
    """The credentials of a part."""
    rng = random.Random(part.seed)
    groups = ((FORMATS, part.shaped), (PASSWORDS, part.passwords), (TOKENS, part.tokens))
    for makers, places in groups:
        for number, (kind, make) in enumerate(makers.items()):
            some = part.rounds if makers is FORMATS else len(places)
            for time in range(some):
                place = places[(number + time) % len(places)]
                secret = make(rng)
                text = place(secret)
                yield Secret(kind, text, secret if _holds(text, secret) else _as_placed(secret))


def _holds(text: str, secret: str) -> bool:
    return secret in text or json.dumps(secret)[1:-1] in text


def _as_placed(secret: str) -> str:
    """The secret without the characters that its place cannot have."""
    return secret.translate(dict.fromkeys(map(ord, "#%;&"), "x"))
