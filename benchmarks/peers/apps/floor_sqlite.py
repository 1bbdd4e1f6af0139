"""The floor on SQLite: a connection that only reads, another that writes, and no thread between."""

import os
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from starlette.applications import Starlette

from benchmarks.peers.apps.floor_app import floor
from core.fields import new_id

CONTACT = """'id', t.id, 'name', t.name, 'givenName', t.given_name, 'familyName', t.family_name, 'jobTitle', t.job_title, 'city', t.city,
  'lifecycleStage', t.lifecycle_stage, 'source', t.source, 'createdAt', replace(t.created_at, ' ', 'T'),
  'updatedAt', replace(t.updated_at, ' ', 'T')"""
PAGE = """FROM contact AS t WHERE t.lifecycle_stage = :stage AND (t.created_at, t.id) < (:moment, :key)
  ORDER BY t.created_at DESC, t.id DESC LIMIT {size}"""
ONE = "SELECT json_object({fields}) FROM contact AS t WHERE t.id = :id"
STATEMENTS = {
    "W1": ONE.format(
        fields=f"""{CONTACT}, 'company', json((SELECT json_object('id', id, 'name', name, 'domain', domain, 'city', city)
          FROM company WHERE id = t.company_id))"""
    ),
    "W2": f"""SELECT json_object({CONTACT}, 'company', json((SELECT json_object('name', name) FROM company WHERE id = t.company_id)),
        'deals', json((SELECT json_group_array(json_object('id', id, 'title', title, 'amount', amount, 'currency', currency)) FROM (
          SELECT id, title, amount, currency FROM deal WHERE contact_id = t.id ORDER BY created_at, id LIMIT 3))),
        'activities', json((SELECT json_group_array(json_object('id', id, 'kind', kind, 'subject', subject,
            'createdAt', replace(created_at, ' ', 'T'))) FROM (
          SELECT id, kind, subject, created_at FROM activity WHERE contact_id = t.id ORDER BY created_at DESC, id DESC LIMIT 3)))
        ) {PAGE.format(size=100)}""",
    "W3": f"SELECT json_object({CONTACT}) {PAGE.format(size=1000)}",
    "W5": """SELECT json_object('stageId', stage_id, 'currency', currency, 'count', count(*), 'amount', sum(amount))
        FROM deal GROUP BY +stage_id, currency""",  # the plus keeps it from walking an index of stages, row by row
}
INSERTS = (
    """INSERT INTO contact (id, external_source, created_at, updated_at, version, name, name_key, lifecycle_stage, company_id, owner_id,
         email_consent, sms_consent, call_consent)
       VALUES (:id, '', :now, :now, 1, :name, :key, :stage, :company, :owner, 0, 0, 0)""",
    "INSERT INTO contact_email (id, address, address_key, position, contact_id) VALUES (:mail, :address, :address, 0, :id)",
    "INSERT INTO lifecycle_change (id, to_stage, changed_at, contact_id) VALUES (:step, :stage, :now, :id)",
)
# What our server has for its own connections, and memory for pages as generous as that of PostgreSQL.
PRAGMAS = ("busy_timeout = 5000", "journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON", "cache_size = -65536")

_open: dict[str, sqlite3.Connection] = {}


async def answering(workload: str, body: Mapping[str, Any]) -> bytes:
    """The JSON of one statement. A list is joined here: SQLite would read the rows again to make one text of them."""
    if workload == "W4":
        return _create(body)
    values = dict(body)
    if after := body.get("after"):
        values["moment"], values["key"] = after[0].replace("T", " "), after[1]
    rows = [row for (row,) in _open["reader"].execute(STATEMENTS[workload], values)]
    return (rows[0] if workload == "W1" else f"[{','.join(rows)}]").encode()


def _create(body: Mapping[str, Any]) -> bytes:
    words = {"id": str(new_id()), "mail": str(new_id()), "step": str(new_id()), "now": datetime.now(UTC).isoformat(" "), **body}
    writer = _open["writer"]
    writer.execute("BEGIN IMMEDIATE")
    for insert in INSERTS:
        writer.execute(insert, words)
    made = writer.execute(ONE.format(fields=CONTACT), words).fetchone()[0]
    writer.execute("COMMIT")
    return made.encode()


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    for name in ("reader", "writer"):
        _open[name] = sqlite3.connect(os.environ["DATABASE_URL"].removeprefix("sqlite://"), isolation_level=None)
        for pragma in PRAGMAS:
            _open[name].execute(f"PRAGMA {pragma}")
    _open["reader"].execute("PRAGMA query_only = ON")
    yield
    for connection in _open.values():
        connection.close()


app = floor(answering, _lifespan)
