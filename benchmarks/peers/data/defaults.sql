-- Our server fills these columns itself; a peer that makes rows from tables needs them from the database.
ALTER TABLE contact
  ALTER id SET DEFAULT uuidv7(), ALTER external_source SET DEFAULT '', ALTER created_at SET DEFAULT now(), ALTER updated_at SET DEFAULT now(),
  ALTER version SET DEFAULT 1, ALTER email_consent SET DEFAULT false, ALTER sms_consent SET DEFAULT false,
  ALTER call_consent SET DEFAULT false;
ALTER TABLE contact_email ALTER id SET DEFAULT uuidv7(), ALTER position SET DEFAULT 0;

-- PostGraphile itself knows no aggregates; a view is how its users give it some (W5).
CREATE VIEW deal_total AS SELECT stage_id, currency, count(*)::int AS count, sum(amount)::bigint AS amount FROM deal GROUP BY stage_id, currency;
