"""/login, /logout and /session: how a browser signs in, with a form that needs no script."""

import hashlib
import hmac
from base64 import b64encode
from functools import cache
from html import escape
from pathlib import Path
from string import Template
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from core.access.accounts import sign_in
from core.access.origins import same_origin
from core.access.secrets import random
from core.access.sessions import CSRF, begin, csrf_token, end, find, give, secret_of
from core.crm import CRM
from core.errors import Forbidden, RateLimited, Refused, Unauthenticated

FOLDER = Path(__file__).parent
FORM = "payvand-login"  # the cookie that goes with the form
MOST_BYTES = 10_000
HOUR = 3_600
# To a form, browsers say where it comes from only if they may tell the server itself.
HEADERS = {
    "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin", "Vary": "Cookie, Accept-Language",
}  # fmt: skip
WORDS = {
    "en": {
        "dir": "ltr", "title": "Sign in", "email": "E-mail address", "password": "Password", "enter": "Sign in", "leave": "Sign out",
        "here": "You are signed in as", "on": "To the API", "wrong": "The address or the password is wrong.",
        "shut": "You cannot sign in; an administrator gives you a role.", "later": "Too many attempts. Try again in $minutes min.",
        "stale": "This page was open for too long. Try again.",
    },
    "fa": {
        "dir": "rtl", "title": "ورود", "email": "نشانی رایانامه", "password": "گذرواژه", "enter": "ورود", "leave": "خروج",
        "here": "وارد شده‌اید به نام", "on": "به سوی API", "wrong": "نشانی یا گذرواژه نادرست است.",
        "shut": "نمی‌توانید وارد شوید؛ مدیر باید به شما نقشی بدهد.", "later": "تلاش‌های نادرست زیاد بود. $minutes دقیقهٔ دیگر دوباره بکوشید.",
        "stale": "این صفحه زیاد باز مانده بود. دوباره بکوشید.",
    },
}  # fmt: skip


class Pages:
    """The three addresses of one house."""

    def __init__(self, crm: CRM) -> None:
        self.crm = crm

    async def login(self, request: Request) -> Response:
        """The form; or, by POST, what comes of it."""
        if request.method == "POST":
            return await self._signed_in(request)
        secret = secret_of(request)
        found = await find(self.crm, secret) if secret else None
        if found and secret:
            return self._page(request, "signed-in.html", name=found[1].name, token=csrf_token(secret))
        return self._form(request)

    async def logout(self, request: Request) -> Response:
        """End the session, and go to the form."""
        secret = secret_of(request)
        if secret:
            given = request.headers.get(CSRF) or (await _fields(request)).get("token", "")
            if same_origin(request) is False or not hmac.compare_digest(given.encode(), csrf_token(secret).encode()):
                raise Forbidden("this form is not from here, or of another session")
            await end(self.crm, secret)
        answer = RedirectResponse("login", 303, HEADERS)
        give(answer.headers, request, "", 0)
        return answer

    async def session(self, request: Request) -> Response:
        """Who is signed in, and what its requests say besides the cookie, for pages of this server."""
        secret = secret_of(request)
        found = await find(self.crm, secret) if secret and same_origin(request) is not False else None
        if not found or not secret:
            return JSONResponse({"user": None, "csrfToken": None}, headers=HEADERS)
        user = {"name": found[1].name, "email": found[1].email}
        return JSONResponse({"user": user, "csrfToken": csrf_token(secret)}, headers=HEADERS)

    async def _signed_in(self, request: Request) -> Response:
        fields = await _fields(request)
        email, form = fields.get("email", ""), secret_of(request, FORM)
        if same_origin(request) is False:
            raise Forbidden("this form is not from here")
        if not form or not hmac.compare_digest(fields.get("token", "").encode(), csrf_token(form, "login").encode()):
            return self._form(request, "stale", email, 403)
        try:
            user, actor = await sign_in(self.crm, email, fields.get("password", ""), request.client.host if request.client else None)
        except RateLimited as limited:
            return self._form(request, "later", email, 429, limited.seconds)
        except Unauthenticated as refused:
            return self._form(request, "wrong" if "wrong" in str(refused) else "shut", email, 401)
        secret = await begin(self.crm, user, actor, secret_of(request))
        answer = RedirectResponse("graphql" if self.crm.settings.server.graphiql else "login", 303, HEADERS)
        give(answer.headers, request, secret, self.crm.settings.sessions.longest * HOUR)
        give(answer.headers, request, "", 0, FORM)
        return answer

    def _form(self, request: Request, problem: str = "", email: str = "", status: int = 200, seconds: int = 0) -> Response:
        form = secret_of(request, FORM) or random()
        words = _words(request)
        said = Template(words[problem]).substitute(minutes=-(-seconds // 60)) if problem else ""
        answer = self._page(request, "login.html", status, problem=said, typed=email[:254], token=csrf_token(form, "login"))
        give(answer.headers, request, form, HOUR, FORM)
        if seconds:
            answer.headers["Retry-After"] = str(seconds)
        return answer

    def _page(self, request: Request, file: str, status: int = 200, **values: str) -> HTMLResponse:
        words = _words(request)
        lang = next(name for name, one in WORDS.items() if one is words)
        values |= {"lang": lang, "company": self.crm.settings.company.name, "next": "graphql", **words}
        style = _read("login.css")
        text = Template(_read(file)).substitute({name: escape(value) for name, value in values.items()}, style=style)
        return HTMLResponse(text, status, {**HEADERS, "Content-Security-Policy": _policy(style)})


async def _fields(request: Request) -> dict[str, str]:
    """The fields of a form. Raises Refused for what is none."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise _NoForm("the body must be a form, application/x-www-form-urlencoded")
    body = bytearray()
    try:
        async for piece in request.stream():
            body += piece
            if len(body) > MOST_BYTES:
                raise _NoForm("the form is too large")
        return dict(parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=20))
    except (ValueError, ClientDisconnect):
        raise _NoForm("the body is no form in UTF-8") from None


class _NoForm(Refused):
    """What was sent is no form."""

    status = 415


def _words(request: Request) -> dict[str, str]:
    """The words in the language that the browser names first."""
    first = request.headers.get("accept-language", "").strip().lower()
    return WORDS["fa" if first.startswith("fa") else "en"]


@cache
def _read(file: str) -> str:
    return (FOLDER / file).read_text("utf-8")


@cache
def _policy(style: str) -> str:
    """Nothing but this one style, and forms that go to this server."""
    known = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{known}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
