"""GraphiQL: the page for browsers and its files, none of them from elsewhere."""

import re

import pytest

from schema.transport.graphiql import FOLDER

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "Authorization": ""}


async def test_a_browser_gets_a_page_without_a_key(shared_house):
    response = await shared_house.client.get("/graphql", headers=BROWSER)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["vary"] == "Accept"
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy


async def test_every_file_of_the_page_is_there_and_comes_from_here(shared_house):
    page = (await shared_house.client.get("/graphql", headers=BROWSER)).text
    files = re.findall(r'(?:href|src)="([^"]+)"', page)
    assert len(files) == 7
    assert not re.search(r"<script(?![^>]+src=)|style=| on\w+=|https?:", page), "nothing within the page, nothing from elsewhere"
    kinds = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
    for file in files:
        response = await shared_house.client.get(f"/{file}", headers=BROWSER)
        assert response.status_code == 200, file
        assert response.headers["content-type"].startswith(kinds[file.rsplit(".", 1)[-1]])
        assert response.headers["x-content-type-options"] == "nosniff"
        lasting = bool(re.search(r"\d", file))
        assert ("immutable" in response.headers["cache-control"]) is lasting, "a name with a version is kept, another is asked again"


async def test_a_file_that_is_known_is_not_sent_again(shared_house):
    first = await shared_house.client.get("/graphql/assets/page.js")
    again = await shared_house.client.get("/graphql/assets/page.js", headers={"If-None-Match": first.headers["etag"]})
    assert (first.status_code, again.status_code) == (200, 304)


@pytest.mark.parametrize(
    "path", ["__init__.py", "README.md", "page.html", "../http.py", "%2e%2e/http.py", "..%2fhttp.py", "LICENSE-react", "", "no.js"]
)
async def test_nothing_else_is_served(shared_house, path):
    assert (await shared_house.client.get(f"/graphql/assets/{path}")).status_code == 404


@pytest.mark.settings(server={"graphiql": False})
async def test_it_can_be_switched_off(house):
    response = await house.client.get("/graphql", headers=BROWSER)
    assert response.status_code == 401
    assert response.headers["content-type"].startswith("application/json")
    assert (await house.client.get("/graphql/assets/page.js")).status_code == 404


def test_the_files_stay_small_and_have_their_licences():
    assert sum(file.stat().st_size for file in FOLDER.iterdir() if file.is_file()) < 3_000_000
    readme = (FOLDER / "README.md").read_text("utf-8")
    for file in FOLDER.glob("*.min.*"):
        assert file.name in readme
    assert list(FOLDER.glob("LICENSE-*"))
