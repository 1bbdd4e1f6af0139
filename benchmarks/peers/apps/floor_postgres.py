"""The floor on PostgreSQL: asyncpg, and the best SQL that a hand writes."""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import asyncpg
from starlette.applications import Starlette

from benchmarks.peers.apps.floor_app import floor
from benchmarks.peers.stand import POOL

CONTACT = """t.id, t.name, t.given_name AS "givenName", t.family_name AS "familyName", t.job_title AS "jobTitle", t.city,
  t.lifecycle_stage AS "lifecycleStage", t.source, t.created_at AS "createdAt", t.updated_at AS "updatedAt\""""
PAGE = """(SELECT * FROM contact WHERE lifecycle_stage = $1 AND (created_at, id) < ($2, $3)
  ORDER BY created_at DESC, id DESC LIMIT {size}) AS t"""
STATEMENTS = {
    "W1": f"""SELECT row_to_json(r) FROM (
        SELECT {CONTACT}, (SELECT row_to_json(c) FROM (SELECT id, name, domain, city FROM company WHERE id = t.company_id) AS c) AS company
        FROM contact AS t WHERE t.id = $1) AS r""",
    "W2": f"""SELECT coalesce(json_agg(r), '[]') FROM (
        SELECT {CONTACT}, company.j AS company, coalesce(deals.j, '[]') AS deals, coalesce(activities.j, '[]') AS activities
        FROM {PAGE.format(size=100)}
        LEFT JOIN LATERAL (SELECT row_to_json(c) AS j FROM (SELECT name FROM company WHERE id = t.company_id) AS c) AS company ON true
        LEFT JOIN LATERAL (SELECT json_agg(d) AS j FROM (SELECT id, title, amount, currency FROM deal WHERE contact_id = t.id
          ORDER BY created_at, id LIMIT 3) AS d) AS deals ON true
        LEFT JOIN LATERAL (SELECT json_agg(a) AS j FROM (SELECT id, kind, subject, created_at AS "createdAt" FROM activity
          WHERE contact_id = t.id ORDER BY created_at DESC, id DESC LIMIT 3) AS a) AS activities ON true
        ORDER BY t.created_at DESC, t.id DESC) AS r""",
    "W3": f"SELECT coalesce(json_agg(r), '[]') FROM (SELECT {CONTACT} FROM {PAGE.format(size=1000)}) AS r",
    "W4": f"""WITH made AS (
        INSERT INTO contact (id, external_source, created_at, updated_at, version, name, name_key, lifecycle_stage, company_id, owner_id,
          email_consent, sms_consent, call_consent)
        VALUES (uuidv7(), '', now(), now(), 1, $1, $2, $3, $4, $5, false, false, false) RETURNING *
      ), mail AS (
        INSERT INTO contact_email (id, address, address_key, position, contact_id) SELECT uuidv7(), $6, $6, 0, id FROM made
      ), step AS (
        INSERT INTO lifecycle_change (id, to_stage, changed_at, contact_id) SELECT uuidv7(), lifecycle_stage, created_at, id FROM made
      ) SELECT row_to_json(r) FROM (SELECT {CONTACT} FROM made AS t) AS r""",
    "W5": """SELECT json_agg(r) FROM (
        SELECT stage_id AS "stageId", currency, count(*) AS count, sum(amount) AS amount FROM deal GROUP BY stage_id, currency) AS r""",
}

_open: list[asyncpg.Pool] = []


async def answering(workload: str, body: Mapping[str, Any]) -> bytes:
    """The JSON of one statement. `fetch`, since a limit on rows keeps PostgreSQL from working in parallel."""
    return (await _open[0].fetch(STATEMENTS[workload], *_values(body)))[0][0]


def _values(body: Mapping[str, Any]) -> list[Any]:
    if "after" in body:
        moment, key = body["after"]
        return [body["stage"], datetime.fromisoformat(moment), key]
    return [body[name] for name in ("id", "name", "key", "stage", "company", "owner", "address") if name in body]


async def _bytes(connection: asyncpg.Connection) -> None:
    await connection.set_type_codec("json", schema="pg_catalog", encoder=bytes, decoder=bytes, format="binary")


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    async with asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=POOL, max_size=POOL, init=_bytes) as pool:
        _open.append(pool)
        yield


app = floor(answering, _lifespan)
