"""What the README promises to a newcomer, done as it says."""

import json
import re
import shutil
from pathlib import Path

import httpx

from tests.shell import ROOT, Server, Shell

README = (ROOT / "README.md").read_text("utf-8")


def test_the_plugin_of_the_readme_works_as_it_says(database_url: str, tmp_path: Path) -> None:
    house = _copy(tmp_path / "house")
    files = dict(re.findall(r"```python\n# (plugins/\S+)\n(.*?)```", README, flags=re.DOTALL))
    assert sorted(files) == ["plugins/ratings/__init__.py", "plugins/ratings/models.py"]
    for name, text in files.items():
        (house / name).parent.mkdir(exist_ok=True)
        (house / name).write_text(text, "utf-8")
    (house / "settings.toml").write_text(f'[database]\nurl = "{database_url}"\n\n[plugins]\nenabled = ["ratings"]\n', "utf-8")
    payvand = Shell(house, database_url, {"PYTHONPATH": str(house)})
    payvand("makemigrations", "ratings").well()
    payvand("migrate").well()
    (house / "stars.csv").write_text("contact.name,stars\nAda,5\nAda,6\n", "utf-8")
    report = json.loads(payvand("import", "rating", "stars.csv", "--json").out)
    assert (report["created"], report["rejected"]) == (1, 1)
    printed = payvand("schema").well().out
    for promised in ("ratingCreate(", "ratingsAggregate(", "  ratings(", "ratings: RatingListFilter"):
        assert promised in printed


def test_the_first_query_of_the_readme_is_answered(server: Server) -> None:
    body = re.search(r"-d '(\{.*\})'\n```", README)
    assert body is not None
    key = server.shell("keys", "create", "--name", "reader", "--role", "admin").well().out.strip()
    question = json.loads(body[1].replace('\\\\"', '\\"'))
    answer = httpx.post(f"{server.url}/graphql", json=question, headers={"Authorization": f"Bearer {key}"}, timeout=30).json()
    assert answer["data"] == {"contacts": {"totalCount": 0, "nodes": []}}


def test_every_file_that_a_page_points_to_is_there() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    targets = [(page, target) for page in pages for target in re.findall(r"\]\(([^)#:]+)[^):]*\)", page.read_text("utf-8"))]
    assert len(targets) > len(pages)
    assert [f"{page.relative_to(ROOT)}: {target}" for page, target in targets if not (page.parent / target).exists()] == []


def _copy(folder: Path) -> Path:
    for name in ("core", "schema", "plugins", "migrations"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder
