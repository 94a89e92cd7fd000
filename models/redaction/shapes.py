"""Credentials that are known by their looks: prefix, alphabet and length, as their issuers publish them."""

from base64 import b64encode
from typing import NamedTuple

__all__ = ["SHAPES", "Shape"]


class Shape(NamedTuple):
    """A form that credentials of one kind have."""

    kind: str
    anchors: tuple[str, ...]
    """Lower-case literals; every match contains one of them, whatever the case."""
    pattern: str
    """ASCII; the group that matched is the secret, where there is one, else all of it is."""
    leading: bool = False
    """Whether every match begins with an anchor."""


_BOUNDARY = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrtbf]))"
"""Nothing before it that belongs to the same word; the end of an escape in JSON does not."""
_END = r"(?![A-Za-z0-9])"


def _token(kind: str, anchors: str, pattern: str) -> Shape:
    """A token that begins with one of the anchors (separated by spaces)."""
    return Shape(kind, tuple(anchors.split(" ")), _BOUNDARY + pattern, leading=True)


def _marked(kind: str, anchors: str, pattern: str) -> Shape:
    """A token with one of the anchors within."""
    return Shape(kind, tuple(anchors.split(" ")), _BOUNDARY + pattern)


_BASE64 = r"(?:[A-Za-z0-9+/=>|#\s]|\\+[nrt])"
"""Of a body in several lines, which may be quoted or numbered; within JSON the ends of lines are escaped."""
_BODY = rf"(?=(?:[\s\d>|#]|\\+[nrt]){{0,60}}[A-Za-z0-9+/]{{30,}}){_BASE64}{{40,}}"
"""Such a body; prose, whose words are short, is none."""

_JAR = (
    r"((?=[\w.$~-]{1,64}=)(?=[^\n\"'`\\]{0,1000}?=(?=[^\s;\"'`\\]{0,200}\d)(?=[^\s;\"'`\\]{0,200}[A-Za-z])[^\s;\"'`\\]{16})"
    r"[\w.$~-]{1,64}=[^\s;\"'`\\]*(?:;\s?[\w.$~-]{1,64}=[^\s;\"'`\\]*)*)"
)
"""Cookies, one of which is long and random."""

_KEYS = (
    # Truncated ones too: a header, perhaps fields, a body.
    Shape(
        "private-key",
        ("-----begin",),
        r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
        r"(?:(?:\s|\\+[nr])*[A-Za-z][A-Za-z0-9-]*: [^\n\\]*(?=\n|\\))*"
        rf"{_BODY}(?:-+END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----)?",
    ),
    Shape("private-key", ("private-lines:",), rf"Private-Lines: \d+{_BODY}"),
    _token("private-key", "age-secret-key-1", r"AGE-SECRET-KEY-1[0-9A-Z]{50,}"),
    _token("private-key", "nsec1", rf"nsec1[02-9ac-hj-np-z]{{58}}{_END}"),
    _token("private-key", "xprv9", r"xprv9[1-9A-HJ-NP-Za-km-z]{100,}"),
    _token("jwt", "eyj", r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){1,3}"),
)

_IN_CONTEXT = (
    Shape(
        "url-password",
        ("://", ":\\/\\/"),
        r"[A-Za-z][A-Za-z0-9+.-]{1,20}:\\?/\\?/[^\s/?#\"'`<>:@\\]{0,100}"
        r":([^\s/?#\"'`<>]{1,200})@[A-Za-z0-9_$*{\[-]",
    ),
    _token("bearer-token", "bearer", r"[Bb][Ee][Aa][Rr][Ee][Rr](?:\s+|%20|\+)([A-Za-z0-9._~+/-]{16,}=*)"),
    Shape(
        "authorization",
        ("authorization",),
        r"[Aa]uthorization[\\\"'\]]*\s*[:=,]\s*[\\\"']*"
        r"(?:[Bb]asic|(?:[Aa]pi-?)?[Tt]oken|[Bb]ot|[Aa]pi-?[Kk]ey|[Dd]igest|[Kk]ey)\s+([A-Za-z0-9._~+/:-]{8,}=*)",
    ),
    Shape(
        "basic-auth",
        ("curl ",),
        r"\bcurl\b(?:[^\n]|\\\n){0,500}?(?:\s|\\n)(?:-u|--user)(?:=|\s{0,4})"
        r"[\\\"']*[^\s:\"'\\]{0,64}[\\\"']*:[\\\"']*([^\s\"'\\]{3,})",
    ),
    Shape("password", ("mysql",), r"\bmysql(?:dump|admin)?\b[^\n]{0,200}?\s-p([^\s\"'\\]{3,})"),
    Shape("password", ("sshpass",), r"\bsshpass\s+-p\s*[\\\"']*([^\s\"'\\]{3,})"),
    Shape(
        "password",
        ("docker login", "helm registry", "podman login"),
        r"\b(?:docker|podman|helm registry) login\b[^\n]{0,200}?\s-p[= ]?[\\\"']*([^\s\"'\\]{3,})",
    ),
    Shape(
        "password",
        ("password ", "passwd ", "passphrase ", "passwort "),
        r"(?:[Pp]ass(?:word|wd|phrase|wort)|PASSWORD)\s{1,2}[\\\"'`]*"
        r"((?=[^\s\"'`\\]{0,40}[a-z])(?=[^\s\"'`\\]{0,40}[A-Z])(?=[^\s\"'`\\]{0,40}\d)[^\s\"'`\\]{10,200})",
    ),
    Shape(
        "password",
        ("password for ", "passphrase for ", "passcode for ", "password of ", "password on "),
        r"[Pp]ass(?:word|phrase|code)\s(?:for|of|on)\s[^\n:=.]{1,40}?(?:\sis:?|:|=)\s*[\\\"'`]*"
        r"((?=[^\s\"'`\\]{0,40}\d)(?=[^\s\"'`\\]{0,40}[A-Za-z])[^\s\"'`\\]{5,200})",
    ),
    Shape("password", ("identified by ",), r"(?i:identified by)\s+(?i:password\s+)?\\*[\"']([^\s\"'\\]{3,})"),
    Shape("password", ("chpasswd",), r"[\w.-]+:([^\s\"'\\|:]{3,})[\\\"']*\s*\|\s*(?:sudo\s+)?chpasswd\b"),
    Shape("password", ("htpasswd ",), r"\bhtpasswd\s+-\w*b\w*\s+\S+\s+\S+\s+[\\\"']*([^\s\"'\\]{3,})"),
    Shape("basic-auth", ("auth=(",), r"\bauth=\(\s*\\*[\"'][^\"'\n]{0,64}[\"']\s*,\s*\\*[\"']([^\s\"'\\]{3,})"),
    Shape(
        "basic-auth",
        ("http ", "https "),
        r"\bhttps?\s(?:[^\n]{0,200}?\s)?(?:-a|--auth)[= ]\s*[^\s:]{1,64}:([^\s\"'\\]{3,})",
    ),
    Shape("secret", ("gh secret set",), r"\bgh secret set\s[^\n]{0,200}?(?:--body|-b)[= ]\s*[\\\"']*([^\s\"'\\]{3,})"),
    Shape("password", ("redis-cli",), r"\bredis-cli\b[^\n]{0,200}?\s-a\s*[\\\"']*([^\s\"'\\]{3,})"),
    Shape(
        "password",
        ("sudo -s", "sudo --stdin"),
        r"\becho\s+(?:-n\s+)?[\\\"']*([^\s\"'\\|]{3,})[\\\"']*\s*\|\s*sudo\s+(?:-S|--stdin)\b",
    ),
    Shape(
        "secret",
        ("env ", "setenv ", "setx ", "set -"),
        r"\b(?:ENV|setenv|setx|set -[A-Za-z]+)\s+\w*(?:PASSWORD|PASSWD|PASS|SECRET|TOKEN|_KEY|APIKEY)\s+"
        r"[\\\"']*([^\s\"'\\=]{6,})",
    ),
    Shape(
        "seed-phrase",
        ("phrase", "mnemonic", "seed words", "recovery words"),
        r"(?:[Pp]hrase|[Mm]nemonic|(?:[Ss]eed|[Rr]ecovery) [Ww]ords)[\\\"'`*]*\s?(?:[:=]|is)[\\\"'`*\s]*"
        r"((?:[a-z]{3,8} ){11,23}[a-z]{3,8})(?![\w ])",
    ),
    Shape(
        "password",
        ("app password", "app-password"),
        r"[Aa]pp[ -][Pp]assword[\\\"'`*]*\s?(?:[:=]|is)[\\\"'`*\s]*([a-z]{4}(?: [a-z]{4}){3})(?![\w ])",
    ),
    Shape(
        "cookie",
        ("cookie:", "cookie "),
        r"\b(?:[Cc]ookie:|curl\b(?:(?!curl)[^\n]){0,500}?\s--cookie[ =])\s*[\\\"']*" + _JAR,
    ),
    Shape("cookie", ("curl ",), r"\bcurl\b(?:(?!curl)[^\n]){0,500}?\s-b\s*[\\\"']*" + _JAR),
    Shape(
        "cookie",
        ("phpsessid=", "jsessionid=", "connect.sid=", "laravel_session=", "sessionid=", "__secure-", "__host-"),
        r"\b(?:PHPSESSID|JSESSIONID|ASP\.NET_SessionId|connect\.sid|laravel_session|__(?:Secure|Host)-[\w.-]+)="
        r"([\w%.+/~|:-]{16,})",
    ),
    Shape(
        "url-key",
        ("?key=", "&key=", "appid=", "app_key=", "subscription-key=", "x-amz-s"),
        r"[?&](?:key|appid|app_key|subscription-key|X-Amz-Signature|X-Amz-Security-Token)=([\w%.-]{24,})",
    ),
    Shape("password", ("machine ",), r"\bmachine\s+\S+\s+login\s+\S+\s+password\s+([^\s\"'\\]+)"),
    Shape("webhook", ("hooks.slack.com",), r"hooks\.slack\.com/(?:services|workflows|triggers)/([\w/+-]{20,})"),
    Shape("webhook", ("/api/webhooks/",), r"/api/webhooks/(\d{10,}/[\w-]{50,})"),
    Shape("webhook", ("webhook.office.com",), r"webhook\.office\.com/webhookb2/([A-Za-z0-9@/-]{60,})"),
)

_CLOUDS = (
    _token("anthropic-key", "sk-ant-", r"sk-ant-[A-Za-z0-9]+-[\w-]{20,}"),
    _token("openai-key", "sk-", r"sk-(?!ant-)(?=[\w-]{0,200}[0-9])(?=[\w-]{0,200}[A-Za-z])[\w-]{20,}"),
    _token("google-key", "aiza", r"AIza[\w-]{35}"),
    _token("google-key", "aq.", r"AQ\.[\w-]{40,}"),
    _token("google-token", "ya29.", r"ya29\.[\w-]{20,}"),
    _token("google-token", "gocspx-", r"GOCSPX-[\w-]{20,}"),
    _token("google-token", "1//0", r"1//0[\w-]{30,}"),
    _token("aws-key", "akia asia abia acca", rf"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{{16}}{_END}"),
    _token("aws-key", "absk", r"ABSK[A-Za-z0-9+/]{100,}={0,2}"),
    Shape(
        "azure-key",
        ("accountkey=", "sharedaccesskey="),
        r"(?:AccountKey|SharedAccessKey)=([A-Za-z0-9+/]{30,}={0,2})",
    ),
    Shape("azure-key", ("sig=",), r"[?&]sig=([\w%/+-]{30,}={0,2})"),
    _marked("azure-key", "azdo", r"[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}(?![A-Za-z0-9])"),
    _marked("azure-key", "q~", r"[\w~.]{3}[0-9]Q~[\w~.-]{31,34}"),
    _token("huggingface-token", "hf_ api_org_", r"(?:hf_|api_org_)[A-Za-z0-9]{30,}"),
    _token("nvidia-key", "nvapi-", r"nvapi-[\w-]{40,}"),
    _token("tavily-key", "tvly-", r"tvly-(?:[a-z]{2,8}-)?[A-Za-z0-9]{24,}"),
    _token("firecrawl-key", "fc-", rf"fc-[0-9a-f]{{32}}{_END}"),
    _token("langsmith-key", "lsv2_", r"lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}"),
    _token("cerebras-key", "csk-", r"csk-[a-z0-9]{40,}"),
    _token("pinecone-key", "pcsk_", r"pcsk_\w{40,}"),
    _token("jina-key", "jina_", r"jina_\w{40,}"),
    _token("e2b-key", "e2b_", rf"e2b_[0-9a-f]{{40}}{_END}"),
    _token("apify-token", "apify_api_", r"apify_api_[A-Za-z0-9]{30,}"),
    _token("runpod-key", "rpa_", r"rpa_[A-Z0-9]{30,}"),
    _token("alibaba-key", "ltai", rf"LTAI[A-Za-z0-9]{{16,20}}{_END}"),
    _token("1password-token", "ops_eyj", r"ops_eyJ[\w=-]{60,}"),
    _token("groq-key", "gsk_", r"gsk_[A-Za-z0-9]{40,}"),
    _token("perplexity-key", "pplx-", r"pplx-[A-Za-z0-9]{40,}"),
    _token("replicate-token", "r8_", r"r8_[A-Za-z0-9]{37}"),
    _token("xai-key", "xai-", r"xai-[A-Za-z0-9]{60,}"),
    _token("elevenlabs-key", "sk_", rf"sk_[0-9a-f]{{48}}{_END}"),
    _token("together-key", "tgp_v1_", r"tgp_v1_[\w-]{43}"),
    _token("digitalocean-token", "dop_v1_ doo_v1_ dor_v1_", r"do[opr]_v1_[a-f0-9]{64}"),
    _token("databricks-token", "dapi", r"dapi[a-f0-9]{32}(?:-\d)?"),
    _token("vault-token", "hvs. hvb. hvr.", r"hv[sbr]\.[\w-]{20,}"),
    _token("doppler-token", "dp.", r"dp\.(?:pt|ct|st|sa|scim|audit)\.(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,}"),
    _token("pulumi-token", "pul-", r"pul-[a-f0-9]{40}"),
    _token("tailscale-key", "tskey-", r"tskey-[a-z]+-[A-Za-z0-9-]{20,}"),
    _token("fly-token", "fm2_ fo1_", r"f(?:m2_[A-Za-z0-9+/]{40,}={0,3}|o1_[\w-]{40,})"),
    _token("supabase-token", "sbp_", r"sbp_[a-f0-9]{40}"),
    _token("supabase-token", "sb_secret_", r"sb_secret_[\w-]{20,}"),
    _token("vercel-token", "vercel_blob_rw_ vcp_", r"(?:vercel_blob_rw_\w{30,}|vcp_[A-Za-z0-9]{40,})"),
    _token("planetscale-token", "pscale_", r"pscale_(?:tkn|pw|oauth)_[\w.=-]{32,}"),
    _token("netlify-token", "nfp_", r"nfp_[A-Za-z0-9]{36,}"),
    _token("heroku-key", "hrku-", r"HRKU-[\w-]{36,}"),
    _token("cloudflare-token", "cfut_ cfat_", r"cf[ua]t_[\w-]{40,}"),
    _marked("terraform-token", ".atlasv1.", r"[A-Za-z0-9]{14}\.atlasv1\.[\w=-]{60,}"),
)

_CODE = (
    _token("github-token", "ghp_ gho_ ghu_ ghs_ ghr_", r"gh[pousr]_[A-Za-z0-9]{36,}"),
    _token("github-token", "github_pat_", r"github_pat_\w{36,}"),
    _token(
        "gitlab-token",
        "glpat- gldt- glrt- glptt- glcbt- gloas- glsoat- glft- glagent- glimt-",
        r"gl(?:pat|dt|rt|ptt|cbt|oas|soat|ft|agent|imt)-[\w.-]{20,}",
    ),
    _token("atlassian-token", "atatt3 atctt3", r"AT[AC]TT3[\w=-]{50,}"),
    _token("bitbucket-token", "atbb", r"ATBB[A-Za-z0-9]{24,}"),
    _token("npm-token", "npm_", r"npm_[A-Za-z0-9]{36}"),
    _token("pypi-token", "pypi-", r"pypi-[\w-]{50,}"),
    _token("rubygems-key", "rubygems_", r"rubygems_[a-f0-9]{48}"),
    _token("docker-token", "dckr_", r"dckr_(?:pat|oat)_[\w-]{27,}"),
    _token("nuget-key", "oy2", rf"oy2[a-z0-9]{{43}}{_END}"),
    _token("clojars-token", "clojars_", r"CLOJARS_[A-Za-z0-9]{60}"),
    _token("crates-token", "cio", rf"cio[A-Za-z0-9]{{32}}{_END}"),
    _token("linear-key", "lin_api_ lin_oauth_", r"lin_(?:api|oauth)_[A-Za-z0-9]{32,}"),
    _token("postman-key", "pmak-", r"PMAK-[a-f0-9]{24}-[a-f0-9]{34}"),
    _token("sentry-token", "sntrys_ sntryu_", r"sntry[su]_[\w+/=-]{40,}"),
    _token("posthog-key", "phx_ phs_", r"ph[xs]_[A-Za-z0-9]{30,}"),
    _token("dynatrace-token", "dt0c01.", r"dt0c01\.[A-Z0-9]{24}\.[A-Z0-9]{64}"),
    _token("buildkite-token", "bkua_", rf"bkua_[0-9a-f]{{40}}{_END}"),
    _token("circleci-token", "ccipat_ cciprj_", r"CCIP(?:AT|RJ)_[A-Za-z0-9]{16,}_[0-9a-f]{40}"),
    _token("artifactory-key", "akcp", rf"AKCp[A-Za-z0-9]{{65,}}{_END}"),
    _token("grafana-token", "glsa_ glc_", r"gl(?:sa_[A-Za-z0-9]{32}_[a-f0-9]{8}|c_[A-Za-z0-9+/=]{32,})"),
    _token("newrelic-key", "nrak- nrii- nrra-", r"NR(?:AK|II|RA)-[\w-]{27,}"),
)

_DISCORD = " ".join(sorted({b64encode(str(number).encode()).decode().lower() for number in range(100, 1000)}))
"""How Discord's tokens begin: with a user's number in base64."""

_MESSAGES_AND_MONEY = (
    _token("slack-token", "xox", r"xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{10,}"),
    _token("slack-token", "xapp-", r"xapp-\d-[A-Za-z0-9-]{10,}"),
    _marked("telegram-token", ":aa", r"(?:bot)?(\d{8,10}:AA[\w-]{32,33})(?![\w-])"),
    _token("discord-token", _DISCORD, r"[MNO][\w-]{23,25}\.[\w-]{6}\.[\w-]{27,40}"),
    _token(
        "stripe-key", "sk_live_ sk_test_ rk_live_ rk_test_ sk_org_", r"[sr]k_(?:org_)?(?:live|test)_[A-Za-z0-9]{10,}"
    ),
    _token("stripe-key", "whsec_", r"whsec_[A-Za-z0-9+/]{24,}={0,2}"),
    _token("twilio-key", "sk", rf"SK[a-f0-9]{{32}}{_END}"),
    _token("sendgrid-key", "sg.", r"SG\.[\w-]{16,24}\.[\w-]{30,50}"),
    _token("mailgun-key", "key-", rf"key-[a-f0-9]{{32}}{_END}"),
    _marked("mailchimp-key", "-us", rf"[a-f0-9]{{32}}-us\d{{1,2}}{_END}"),
    _token("brevo-key", "xkeysib- xsmtpsib-", r"x(?:key|smtp)sib-[a-f0-9]{64}-[A-Za-z0-9]{16}"),
    _token("resend-key", "re_", r"re_[A-Za-z0-9]{6,10}_[A-Za-z0-9]{20,}"),
    _token("shopify-token", "shpat_ shpss_ shpca_ shppa_", r"shp(?:at|ss|ca|pa)_[a-fA-F0-9]{32}"),
    _token("hubspot-token", "pat-", r"pat-(?:na|eu)\d-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
    _token("razorpay-key", "rzp_live_ rzp_test_", r"rzp_(?:live|test)_[A-Za-z0-9]{14,}"),
    _token("square-token", "sq0", r"sq0[a-z]{3}-[\w-]{22,}"),
    _token("square-token", "eaaa", r"EAAA[\w-]{56,}"),
    _token("paypal-token", "access_token$production$", r"access_token\$production\$[a-z0-9]{16}\$[a-f0-9]{32}"),
    _token("notion-token", "ntn_", r"ntn_[A-Za-z0-9]{40,}"),
    _token("notion-token", "secret_", rf"secret_[A-Za-z0-9]{{43}}{_END}"),
    _token("airtable-token", "pat", r"pat[A-Za-z0-9]{14}\.[a-f0-9]{64}"),
    _token("figma-token", "figd_ figo_", r"fig[do]_[\w-]{40,}"),
    _token("facebook-token", "eaac eaab eaag eaai", r"EAA[CBGI][A-Za-z0-9]{80,}"),
    _token("dropbox-token", "sl.", r"sl\.(?:u\.)?[\w-]{100,}"),
)

SHAPES = (*_KEYS, *_IN_CONTEXT, *_CLOUDS, *_CODE, *_MESSAGES_AND_MONEY)
