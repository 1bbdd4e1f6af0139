-- The same rows on every machine, for a schema that `payvand migrate` has made. $contacts and
-- its kin are how many there are.
-- User 1 owns all that is asked for, so a server with row rules and one without give the same answers; 4 % belong to others.

CREATE FUNCTION pg_temp.key(kind int, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$quoted$$
  SELECT ('0190000' || kind || '-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid
$$quoted$$;

CREATE FUNCTION pg_temp.fold(said text) RETURNS text LANGUAGE sql IMMUTABLE AS $$quoted$$
  SELECT lower(translate(said, 'يكۀة‌', 'یکهه'))
$$quoted$$;

-- Every minute at most once: a time alone says where a row stands.
CREATE FUNCTION pg_temp.moment(n bigint) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$quoted$$
  SELECT timestamptz '2023-01-01 00:00:00+00' + ((n * 7907) % 1300000) * interval '1 minute' + (n % 977) * interval '1.001 ms'
$$quoted$$;

CREATE FUNCTION pg_temp.of_user_one(n bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$quoted$$
  SELECT CASE WHEN n % 25 = 0 THEN n - 1 ELSE n END
$$quoted$$;

CREATE FUNCTION pg_temp.person(n bigint) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$quoted$$
  SELECT CASE WHEN n % 2 = 0 THEN ARRAY[
    (ARRAY['سارا', 'امید', 'کامران', 'بهاره', 'مهدی', 'نیلوفر', 'علي', 'زهره'])[1 + n / 2 % 8],
    (ARRAY['یزدانی', 'پاک‌نژاد', 'رضایی', 'کريمي', 'موسوی', 'شیرازی‌پور'])[1 + n / 16 % 6] || ' ' || (n * 7919 % 50021)
  ] ELSE ARRAY[
    (ARRAY['Anna', 'Björn', 'Chloé', 'David', 'Eva', 'Fátima', 'George', 'İlkay'])[1 + n / 2 % 8],
    CASE WHEN n % 97 = 0 THEN E'O''Brien "Bob" \\ <&> ' ELSE 'Lastname ' END || (n * 7919 % 50021)
  ] END
$$quoted$$;

CREATE FUNCTION pg_temp.city(n bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$quoted$$
  SELECT CASE WHEN n % 13 <> 0 THEN (ARRAY['تهران', 'Zürich', 'شیراز', 'São Paulo', 'اصفهان', 'Kraków', 'Yazd'])[1 + n % 7] END
$$quoted$$;

INSERT INTO app_user (id, external_source, created_at, updated_at, version, name, name_key, email, active)
SELECT pg_temp.key(0, n), '', pg_temp.moment(n), pg_temp.moment(n), 1, 'User ' || n, 'user ' || n, 'user' || n || '@example.com', true
FROM generate_series(1, 20) AS n;

INSERT INTO pipeline (id, external_source, created_at, updated_at, version, name, name_key, position)
VALUES (pg_temp.key(1, 1), '', pg_temp.moment(1), pg_temp.moment(1), 1, 'فروش', 'فروش', 0);

INSERT INTO stage (id, external_source, created_at, updated_at, version, name, name_key, kind, position, probability, pipeline_id)
SELECT pg_temp.key(2, n), '', pg_temp.moment(n), pg_temp.moment(n), 1, 'Stage ' || n, 'stage ' || n,
  CASE n WHEN 7 THEN 'WON' WHEN 8 THEN 'LOST' ELSE 'OPEN' END, n, n * 1000, pg_temp.key(1, 1)
FROM generate_series(1, 8) AS n;

INSERT INTO company (id, external_source, created_at, updated_at, version, name, name_key, domain, industry, employees, founded_year,
  annual_revenue, currency, city, city_key, country, website, description, owner_id)
SELECT pg_temp.key(3, n), '', pg_temp.moment(n), pg_temp.moment(n), 1, name, pg_temp.fold(name),
  CASE WHEN n % 9 <> 0 THEN 'c' || n || '.example.com' END, (ARRAY['software', 'صنایع غذایی', 'retail', NULL])[1 + n % 4],
  n % 900, 1960 + n % 60, n * 104729 % 1000000000, 'EUR', city, pg_temp.fold(city), (ARRAY['IR', 'CH', 'BR', 'PL'])[1 + n % 4],
  'https://c' || n || '.example.com', E'Known since the fair.\nAsks for "terms".',
  pg_temp.key(0, CASE WHEN n % 25 = 0 THEN 2 + n / 25 % 19 ELSE 1 END)
FROM (SELECT n, (ARRAY['شرکت آرش ', 'Company "', 'Söhne & Cie ', 'بازرگانی پيشگام '])[1 + n % 4] || n AS name, pg_temp.city(n) AS city
  FROM generate_series(1, $companies::bigint) AS n) AS made;

INSERT INTO contact (id, external_source, created_at, updated_at, version, name, name_key, given_name, family_name, job_title,
  lifecycle_stage, source, gender, birth_date, city, city_key, country, locale, time_zone, email_consent, sms_consent, call_consent,
  description, company_id, owner_id)
SELECT pg_temp.key(4, n), '', pg_temp.moment(n), pg_temp.moment(n) + n % 1000 * interval '1 hour 1.23 second', 1 + n % 3,
  person[1] || ' ' || person[2], pg_temp.fold(person[1] || ' ' || person[2]), person[1], person[2],
  (ARRAY['مدیر خرید', 'Head of "Things"', NULL, E'CTO \\ CIO', 'کارشناس'])[1 + n % 5],
  CASE WHEN n % 25 = 0 THEN 'CHURNED' ELSE (ARRAY['SUBSCRIBER', 'LEAD', 'QUALIFIED', 'OPPORTUNITY', 'CUSTOMER'])[1 + (n + n / 25) % 5] END,
  (ARRAY['web', 'نمایشگاه', NULL, 'referral'])[1 + n % 4], (ARRAY['FEMALE', 'MALE', NULL])[1 + n % 3],
  CASE WHEN n % 3 = 0 THEN date '1950-01-01' + (n * 31 % 18000)::int END, city, pg_temp.fold(city), (ARRAY['IR', 'CH', 'BR'])[1 + n % 3],
  (ARRAY['fa-IR', 'de-CH', 'pt-BR'])[1 + n % 3], 'Asia/Tehran', n % 2 = 0, n % 3 = 0, n % 5 = 0,
  CASE WHEN n % 4 = 0 THEN E'Met at the fair.\nWants a "quote" by e-mail.' END,
  CASE WHEN n % 11 <> 0 THEN pg_temp.key(3, pg_temp.of_user_one(1 + n * 17 % $companies)) END,
  pg_temp.key(0, CASE WHEN n % 25 = 0 THEN 2 + n / 25 % 19 ELSE 1 END)
FROM (SELECT n, pg_temp.person(n) AS person, pg_temp.city(n) AS city FROM generate_series(1, $contacts::bigint) AS n) AS made;

INSERT INTO contact_email (id, address, address_key, label, position, contact_id)
SELECT pg_temp.key(5, n), 'person' || n || '@example.com', 'person' || n || '@example.com', 'work', 0, pg_temp.key(4, n)
FROM generate_series(1, $contacts::bigint) AS n;

INSERT INTO deal (id, external_source, created_at, updated_at, version, title, title_key, amount, currency, started_at, expected_close_on,
  closed_at, source, pipeline_id, stage_id, contact_id, company_id, owner_id)
SELECT pg_temp.key(6, n), '', pg_temp.moment(n), pg_temp.moment(n) + n % 700 * interval '1 hour', 1, title, pg_temp.fold(title),
  CASE WHEN n % 10 <> 0 THEN n * 104729 % 10000000 END, CASE WHEN n % 10 <> 0 THEN (ARRAY['EUR', 'USD', 'IRR', 'JPY'])[1 + n / 10 % 4] END,
  pg_temp.moment(n), date '2024-01-01' + (n % 900)::int, CASE WHEN n % 8 > 5 THEN pg_temp.moment(n) + interval '40 days' END,
  (ARRAY['web', NULL, 'نمایشگاه'])[1 + n % 3], pg_temp.key(1, 1), pg_temp.key(2, 1 + n % 8),
  pg_temp.key(4, pg_temp.of_user_one(1 + n * 7907 % $contacts)), pg_temp.key(3, pg_temp.of_user_one(1 + n * 17 % $companies)),
  pg_temp.key(0, 1)
FROM (SELECT n, (ARRAY['قهوه‌ساز اداری ', 'Deal "', 'آسیاب '])[1 + n % 3] || n AS title FROM generate_series(1, $deals::bigint) AS n) AS made;

INSERT INTO activity (id, external_source, created_at, updated_at, version, kind, subject, subject_key, body, due_at, done_at, contact_id,
  deal_id, assignee_id)
SELECT pg_temp.key(7, n), '', pg_temp.moment(n), pg_temp.moment(n), 1, (ARRAY['CALL', 'EMAIL', 'MEETING', 'NOTE'])[1 + n % 4],
  subject, pg_temp.fold(subject), 'Notes on activity ' || n || E' with "quotes"\nand a new line',
  CASE WHEN n % 3 = 0 THEN pg_temp.moment(n) + interval '3 days' END, CASE WHEN n % 2 = 0 THEN pg_temp.moment(n) + interval '1 day' END,
  pg_temp.key(4, pg_temp.of_user_one(1 + n * 7901 % $contacts)), CASE WHEN n % 5 = 0 THEN pg_temp.key(6, 1 + n * 3 % $deals) END,
  pg_temp.key(0, 1)
FROM (SELECT n, (ARRAY['تماس پیگیری ', 'Subject ', E'Two\nlines\t\\ ', '“Quoted” 🙂 '])[1 + n % 4] || n AS subject
  FROM generate_series(1, $activities::bigint) AS n) AS made;
