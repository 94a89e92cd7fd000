"""The web application: addresses to pages, with the checks that every request passes."""

import csv
import io
import json
import logging
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from jinja2 import Environment, PackageLoader, StrictUndefined
from sqlalchemy import Engine
from sqlalchemy.exc import DatabaseError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from analytics.reader import Reader
from worker.dashboard.access import COOKIE, HEADERS, Access, DeniedError, ThrottledError
from worker.dashboard.filters import SPANS, FilterError
from worker.dashboard.operations import Operations
from worker.dashboard.pages import MENU, PAGES
from worker.dashboard.queries import Queries, Row
from worker.dashboard.view import Ask, MissingError, View, anchor, day_name, iso_day, lasted, percent

__all__ = ["build", "environment", "look"]

HERE = Path(__file__).parent
MOST_FORM = 10_000
"""Bytes."""
FORMULA = ("=", "+", "-", "@", "\t", "\r")

log = logging.getLogger(__name__)


def build(engine: Engine, access: Access, operations: Operations) -> Starlette:
    """The dashboard over one database.

    Args:
        engine: reads the insight tables; never written through.
        access: who is let in.
        operations: what the operator sees and may do.
    """
    pages = environment()
    show = partial(_show, engine, access, operations, pages)
    routes = [
        Route("/mark", partial(_mark, access, operations)),
        Route("/sign-in", partial(_sign_in, access, pages), methods=["GET", "POST"]),
        Route("/sign-out", partial(_sign_out, access), methods=["POST"]),
        Route("/operations/replay", partial(_replay, access, operations), methods=["POST"]),
        Mount("/static", StaticFiles(directory=HERE / "static")),
        *(Route(f"/{name}", partial(show, name)) for name in PAGES),
        *(Route(f"/{name or 'overview'}.{{form:str}}", partial(show, name)) for name in PAGES),
        Route("/{rest:path}", partial(show, None)),
    ]
    return Starlette(
        routes=routes, middleware=[Middleware(BaseHTTPMiddleware, dispatch=partial(_guard, access, pages))]
    )


def environment() -> Environment:
    """The templates; everything is escaped unless it is markup of ours."""
    pages = Environment(
        loader=PackageLoader("worker.dashboard"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    pages.filters |= {
        "day": day_name,
        "iso_day": iso_day,
        "percent": percent,
        "said": lambda text: str(text).replace("_", " "),
        "iso": lambda ts: datetime.fromtimestamp(ts / 1000, tz=UTC).isoformat(timespec="seconds"),
        "utc": lambda ts: datetime.fromtimestamp(ts / 1000, tz=UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "lasted": lasted,
        "anchor": anchor,
        "points": lambda share: f"{share * 100:+.1f}",
        "counted": lambda number, noun: f"{number:,} {noun}{'' if number == 1 else 's'}",
    }
    pages.globals |= {"menu": MENU, "spans": SPANS, "isnan": math.isnan}
    return pages


async def _guard(
    access: Access, pages: Environment, request: Request, go_on: Callable[[Request], Awaitable[Response]]
) -> Response:
    """Let nobody in under a wrong name or without a token, and send the headers that keep browsers strict."""
    if not access.knows(request.headers.get("host", "")):
        answer: Response = PlainTextResponse("this is not the name of the dashboard (--allow-host allows one)", 421)
    elif request.url.path.startswith("/static/") or request.url.path == "/sign-in":
        answer = await go_on(request)
    else:
        try:
            request.state.viewer = access.viewer(request)
        except DeniedError as denied:
            answer = _sign_in_page(pages, request, denied)
        else:
            answer = await go_on(request)
    for name, value in HEADERS.items():
        answer.headers.setdefault(name, value)
    if request.url.path.startswith("/static/"):
        answer.headers["Cache-Control"] = "no-cache"
    return answer


async def _show(
    engine: Engine, access: Access, operations: Operations, pages: Environment, name: str | None, request: Request
) -> Response:
    return await run_in_threadpool(_answer, engine, access, operations, pages, name, request)


def _answer(
    engine: Engine, access: Access, operations: Operations, pages: Environment, name: str | None, request: Request
) -> Response:
    queries = Queries(Reader(engine, request.state.viewer))
    common = {
        "page": "nowhere" if name is None else name,
        "viewer": request.state.viewer,
        "access": access,
        "stamp": access.stamp(request),
    }

    def trouble(title: str, words: str, code: int) -> Response:
        text = pages.get_template("trouble.html").render(common | {"title": title, "words": words})
        return Response(text, code, media_type="text/html")

    if name is None:
        return trouble("There is no such page", "The menu leads to all there are.", 404)
    try:
        ask, view = look(queries, operations, name, request.query_params)
    except FilterError as error:
        return trouble("That cannot be read", str(error), 400)
    except MissingError as error:
        return trouble("Nothing here", str(error), 404)
    except DatabaseError as error:
        log.warning("the dashboard cannot read the database: %s", str(error).partition("\n")[0])
        return trouble("The database does not answer", "It is away or has no tables yet: run `eventlore run`. "
                       "This page tries again by itself.", 503)  # fmt: skip
    form = request.path_params.get("form")
    if form:
        return _file(view, form, request.query_params.get("what", "")) or trouble("No such file", form, 404)
    shown = common | {"ask": ask, "filters": ask.filters, "view": view, "params": request.query_params}
    shown |= {"title": view.title, "here": request.url.path, "agents": queries.agents()}
    text = pages.get_template(view.template).render(shown | dict(view.shown))
    return Response(text, media_type="text/html")


def look(queries: Queries, operations: Operations, name: str, params: Mapping[str, str]) -> tuple[Ask, View]:
    """A page by its name.

    Raises:
        FilterError: the address asks for a time that is none.
        MissingError: what it asks for is not there.
    """
    ask = Ask.of(queries, params, operations)
    return ask, PAGES[name](ask)


# Files ----------------------------------------------------------------------------------------------------------------


def _file(view: View, form: str, what: str) -> Response | None:
    """A table or a chart of a page to take away; without a name its first."""
    table, drawn = _pick(view.tables, what), _pick(view.charts, what)
    if form == "csv" and (table is not None or drawn):
        text, kind = as_csv(drawn.rows() if table is None else table), "text/csv"
    elif form == "svg" and drawn:
        text, kind = drawn.alone(), "image/svg+xml"
    else:
        return None
    name = f"eventlore-{what or view.title}".lower().replace(" ", "-").encode("ascii", "ignore").decode()
    safe = "".join(letter for letter in name if letter.isalnum() or letter in "-_")
    return Response(text, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{safe}.{form}"'})


def _pick(found: Mapping[str, Any], name: str) -> Any:  # noqa: ANN401 - a table or a chart
    return found.get(name or next(iter(found), ""))


def as_csv(rows: Sequence[Row]) -> str:
    """Rows as CSV; text that a spreadsheet would take for a formula is quoted."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    if rows:
        writer.writerow(rows[0])
        writer.writerows([_cell(value) for value in row.values()] for row in rows)
    return out.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, dict | list | tuple):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return value


# What is not a page ---------------------------------------------------------------------------------------------------


async def _mark(access: Access, operations: Operations, request: Request) -> Response:
    try:
        mark = await run_in_threadpool(operations.mark)
        return JSONResponse({"mark": access.sealed(f"{request.state.viewer} {mark}")})
    except DatabaseError:
        return JSONResponse({"mark": "away"})


def _sign_in_page(pages: Environment, request: Request, denied: DeniedError) -> Response:
    code = 429 if isinstance(denied, ThrottledError) else 401
    html = request.method in {"GET", "HEAD"} and "text/html" in request.headers.get("accept", "text/html")
    if not html or request.url.path == "/mark":
        said = str(denied) if code == 429 else "a token is needed: Authorization: Bearer TOKEN"
        return PlainTextResponse(said, code)
    return _asking_for_a_token(pages, str(denied), code)


def _asking_for_a_token(pages: Environment, said: str, code: int = 401) -> Response:
    text = pages.get_template("sign_in.html").render(said=said, title="Sign in", page=None)
    return Response(text, code, media_type="text/html")


async def _sign_in(access: Access, pages: Environment, request: Request) -> Response:
    if request.method != "POST":
        return RedirectResponse("/", 303) if access.open else _asking_for_a_token(pages, "")
    token = await _field(request, "token")
    try:
        access.let_in(request, token)
    except ThrottledError as denied:
        return _asking_for_a_token(pages, str(denied), 429)
    except DeniedError:
        return _asking_for_a_token(pages, "This token is not known.")
    answer = RedirectResponse("/", 303)
    secure = request.url.scheme == "https" or request.headers.get("x-forwarded-proto") == "https"
    answer.set_cookie(COOKIE, token, httponly=True, samesite="strict", secure=secure, max_age=30 * 86_400)
    return answer


async def _sign_out(access: Access, request: Request) -> Response:
    try:
        access.check_form(request, await _field(request, "stamp"))
    except DeniedError as denied:
        return PlainTextResponse(str(denied), 403)
    answer = RedirectResponse("/sign-in", 303)
    answer.delete_cookie(COOKIE)
    return answer


async def _replay(access: Access, operations: Operations, request: Request) -> Response:
    try:
        if request.state.viewer is not None:
            raise DeniedError("only the operator may do that")
        access.check_form(request, await _field(request, "stamp"))
    except DeniedError as denied:
        return PlainTextResponse(str(denied), 403)
    revived, kept = await run_in_threadpool(operations.replay)
    return RedirectResponse(f"/operations?replayed={revived}&kept={kept}", 303)


async def _field(request: Request, name: str) -> str:
    """A field of a small form, empty where it is not there.

    Raises:
        HTTPException: it is larger than any form of ours.
    """
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST_FORM:
            raise HTTPException(413, "this form is too large")
    return parse_qs(body.decode(errors="replace")).get(name, [""])[0]
