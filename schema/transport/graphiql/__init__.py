"""GraphiQL for browsers: the page, and the files that it needs, all of them from this server."""

from pathlib import Path

from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

FOLDER = Path(__file__).parent
KINDS = {".js", ".css", ".svg"}

# Nothing from elsewhere and no script within the page. CodeMirror sets styles on elements, which needs 'unsafe-inline'.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "font-src 'self' data:",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
PAGE_HEADERS = {**HEADERS, "Content-Security-Policy": POLICY, "X-Frame-Options": "DENY", "Cache-Control": "no-cache", "Vary": "Accept"}
YEAR = "public, max-age=31536000, immutable"


def page() -> Response:
    """The page itself."""
    return FileResponse(FOLDER / "page.html", headers=PAGE_HEADERS, media_type="text/html")


class Assets(StaticFiles):
    """The scripts and styles of the page. A file with a version in its name never changes, so browsers keep it for a year."""

    def __init__(self) -> None:
        super().__init__(directory=FOLDER)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file at `path`, when it is for browsers. Raises HTTPException."""
        if Path(path).suffix not in KINDS:
            return Response(status_code=404, headers=HEADERS)
        response = await super().get_response(path, scope)
        response.headers.update(HEADERS)
        response.headers["Cache-Control"] = YEAR if any(letter.isdigit() for letter in path) else "no-cache"
        return response
