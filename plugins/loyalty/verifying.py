"""Whether the ledger is what it should be: every identity, over the whole database, by statements that give only what is wrong."""

from dataclasses import dataclass

from core import select

MOST = 100  # of each kind that are told

OF_MEMBER = """
SELECT m.id AS id FROM "loyalty_member" m LEFT JOIN (
    SELECT member_id, SUM(CASE WHEN account = 'AVAILABLE' THEN points ELSE 0 END) AS balance,
        SUM(CASE WHEN account = 'PENDING' THEN points ELSE 0 END) AS pending,
        SUM(CASE WHEN account = 'HELD' THEN points ELSE 0 END) AS held, SUM(CASE WHEN account = 'DEBT' THEN -points ELSE 0 END) AS debt
    FROM "loyalty_entry" WHERE member_id IS NOT NULL GROUP BY member_id
) e ON e.member_id = m.id
WHERE m.balance <> coalesce(e.balance, 0) OR m.pending <> coalesce(e.pending, 0) OR m.held <> coalesce(e.held, 0)
    OR m.debt <> coalesce(e.debt, 0)"""
OF_LOTS = """
SELECT m.id AS id FROM "loyalty_member" m LEFT JOIN (
    SELECT member_id, SUM(CASE WHEN pending THEN 0 ELSE remaining END) AS balance,
        SUM(CASE WHEN pending THEN remaining ELSE 0 END) AS pending
    FROM "loyalty_lot" GROUP BY member_id
) l ON l.member_id = m.id
WHERE m.balance <> coalesce(l.balance, 0) OR m.pending <> coalesce(l.pending, 0)"""
OF_LOT = """
SELECT l.id AS id FROM "loyalty_lot" l LEFT JOIN (
    SELECT lot_id, SUM(CASE WHEN account IN ('AVAILABLE', 'PENDING') THEN points ELSE 0 END) AS remaining,
        SUM(CASE WHEN account = 'ISSUED' THEN -points ELSE 0 END) AS issued
    FROM "loyalty_entry" WHERE lot_id IS NOT NULL GROUP BY lot_id
) e ON e.lot_id = l.id
WHERE l.remaining <> coalesce(e.remaining, 0) OR l.issued <> coalesce(e.issued, 0) OR l.remaining < 0 OR l.remaining > l.issued"""
OF_REDEMPTION = """
SELECT r.id AS id FROM "loyalty_redemption" r LEFT JOIN (
    SELECT t.redemption_id, SUM(CASE WHEN e.account = 'HELD' THEN e.points ELSE 0 END) AS held,
        SUM(CASE WHEN e.account = 'BURNED' THEN e.points ELSE 0 END) AS burned
    FROM "loyalty_transaction" t JOIN "loyalty_entry" e ON e.transaction_id = t.id
    WHERE t.redemption_id IS NOT NULL GROUP BY t.redemption_id
) e ON e.redemption_id = r.id
WHERE coalesce(e.held, 0) <> CASE WHEN r.state = 'HELD' THEN r.points ELSE 0 END
    OR coalesce(e.burned, 0) <> CASE WHEN r.state = 'REDEEMED' THEN r.points ELSE 0 END"""
OF_FACTS = """
SELECT DISTINCT t.id AS id FROM "loyalty_transaction" t JOIN "loyalty_entry" e ON e.transaction_id = t.id
JOIN "loyalty_member" m ON m.id = t.member_id WHERE e.effective_at <> t.effective_at OR e.programme_id <> m.programme_id"""
OF_MONEY = """
SELECT MIN(t.id) AS id FROM (SELECT CAST(id AS TEXT) AS id, source_id, amount, currency FROM "loyalty_transaction" WHERE kind = 'SPEND') t
GROUP BY t.source_id, t.currency HAVING SUM(t.amount) < 0"""
CHECKS = (
    ("LoyaltyTransaction", "its entries do not sum to zero", """
SELECT t.id AS id FROM "loyalty_transaction" t JOIN "loyalty_entry" e ON e.transaction_id = t.id
GROUP BY t.id HAVING SUM(e.points) <> 0"""),
    ("LoyaltyTransaction", "it moves points and has no entries", """
SELECT t.id AS id FROM "loyalty_transaction" t
WHERE t.points > 0 AND NOT EXISTS (SELECT 1 FROM "loyalty_entry" e WHERE e.transaction_id = t.id)"""),
    ("LoyaltyMember", "its points are not what the entries say", OF_MEMBER),
    ("LoyaltyMember", "its points are not what its lots hold", OF_LOTS),
    ("LoyaltyMember", "it has points below zero, or owes points while it has some", """
SELECT id AS id FROM "loyalty_member" WHERE balance < 0 OR pending < 0 OR held < 0 OR debt < 0 OR (balance > 0 AND debt > 0)"""),
    ("LoyaltyLot", "what remains of it is not what the entries say", OF_LOT),
    ("LoyaltyTransaction", "its entries are of another time or programme", OF_FACTS),
    ("LoyaltyTransaction", "more money was given back than was paid for the deal", OF_MONEY),
    ("LoyaltyRedemption", "its points are not held or burned as its state says", OF_REDEMPTION),
    ("LoyaltyReward", "its stock is below zero", 'SELECT id AS id FROM "loyalty_reward" WHERE stock < 0'),
)  # fmt: skip

PREFIXES = {
    "LoyaltyTransaction": "loyalty_transaction", "LoyaltyMember": "loyalty_member", "LoyaltyLot": "loyalty_lot",
    "LoyaltyReward": "loyalty_reward", "LoyaltyRedemption": "loyalty_redemption",
}  # fmt: skip


@dataclass(frozen=True)
class Wrong:
    """Something that should not be: a record, by its type and global id, and what is wrong with it."""

    type: str
    id: str
    message: str


async def verify() -> list[Wrong]:
    """What is wrong with the ledger, at most MOST of each kind; empty when all is well.

    Entries, lots and members are held against each other: sum of entries = 0; available = sum of lots = sum of entries, and so on.
    """
    found: list[Wrong] = []
    for kind, message, statement in CHECKS:
        rows = await select(f"{statement} ORDER BY 1 LIMIT {MOST}")
        found += [Wrong(kind, f"{PREFIXES[kind]}_{row['id']}", message) for row in rows]
    return found
