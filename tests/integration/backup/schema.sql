CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE address AS (street text, number int);
CREATE DOMAIN email AS text CHECK (VALUE LIKE '%@%');
CREATE SCHEMA "Odd ""Schema""";

CREATE TABLE every_type (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  m mood, moods mood[], j json, js json[], b jsonb, x xml, home address, mail email,
  amount money, price numeric(12, 4), ratio double precision, small real,
  span interval, at timestamptz, local timestamp, day date, noon timetz,
  period tstzrange, periods int4multirange, ip inet, mac macaddr, place point, shape polygon,
  words tsvector, bits bit varying(12), bin bytea, uid uuid, code char(5), tiny "char", rel regclass,
  tags text[][], doubled numeric GENERATED ALWAYS AS (price * 2) STORED,
  fancy text COLLATE "C"
);
INSERT INTO every_type (m, moods, j, js, b, x, home, mail, amount, price, ratio, small, span, at, local, day, noon,
  period, periods, ip, mac, place, shape, words, bits, bin, uid, code, tiny, rel, tags, fancy)
SELECT (ARRAY['sad', 'ok', 'happy']::mood[])[1 + i % 3], ARRAY['happy', NULL, 'sad']::mood[],
  format('{"b": %s,  "a": [1, 2]}', i)::json, ARRAY['{"x":1}'::json, NULL], jsonb_build_object('k', i, 'n', 1.50),
  xmlparse(CONTENT format('<a n="%s"/>', i)), ROW('Main, St', i)::address, format('u%s@example.com', i),
  i * 1.25, i / 7.0, CASE i WHEN 1 THEN 'NaN' WHEN 2 THEN '-Infinity' WHEN 3 THEN '-0' ELSE i / 3.0 END, i / 9.0,
  make_interval(months => i, secs => i), '2026-03-08 06:59:59.123456+00'::timestamptz + make_interval(hours => i),
  '2026-11-01 01:30'::timestamp + make_interval(hours => i), '0044-03-15 BC'::date + i, '12:00:00+05:45',
  tstzrange('2026-01-01 00:00+00', NULL), int4multirange(int4range(i, i + 5), int4range(i + 9, i + 12)),
  '10.0.0.1/8', '08:00:2b:01:02:03', point(i, 0.1), '((0,0),(1,1),(2,0))', to_tsvector('simple', 'a b ' || i),
  i::bit(12), decode(md5(i::text), 'hex'), md5(i::text)::uuid, 'ab', 'z', 'pg_class',
  ARRAY[ARRAY['a', 'ünïcödé'], ARRAY[NULL, E'tab\tnew\nline']], NULLIF('x' || i, 'x5')
FROM generate_series(1, 500) i;

CREATE TABLE "Odd ""Schema"""."Table, with ""quotes""; and $stuff" ("select" int PRIMARY KEY, "Ünï ""x""" text);
INSERT INTO "Odd ""Schema"""."Table, with ""quotes""; and $stuff" SELECT i, 'v' || i FROM generate_series(1, 50) i;

CREATE TABLE visits (at date NOT NULL, who int, note text) PARTITION BY RANGE (at);
CREATE TABLE visits_2025 PARTITION OF visits FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE visits_2026 PARTITION OF visits FOR VALUES FROM ('2026-01-01') TO ('2027-01-01') PARTITION BY LIST (who);
CREATE TABLE visits_2026_1 PARTITION OF visits_2026 FOR VALUES IN (1);
CREATE TABLE visits_2026_rest PARTITION OF visits_2026 DEFAULT;
INSERT INTO visits SELECT '2025-06-01'::date + i, i % 4, 'n' || i FROM generate_series(0, 400) i;

CREATE TABLE parent (a int);
CREATE TABLE child (b int) INHERITS (parent);
INSERT INTO parent VALUES (1), (1), (NULL);
INSERT INTO child VALUES (2, 3);

CREATE TABLE nothing ();
INSERT INTO nothing DEFAULT VALUES;
CREATE UNLOGGED TABLE scratch (n int);
INSERT INTO scratch VALUES (1);
CREATE TABLE empty_one (n int);
CREATE TABLE dropped (a int, gone text, b text);
INSERT INTO dropped VALUES (1, 'x', 'y');
ALTER TABLE dropped DROP COLUMN gone;
CREATE SEQUENCE invoice START 5000;
SELECT nextval('invoice');
CREATE SEQUENCE countdown INCREMENT -3;
SELECT nextval('countdown') FROM generate_series(1, 2);
CREATE SEQUENCE wheel MAXVALUE 3 CYCLE;
SELECT nextval('wheel') FROM generate_series(1, 3);
CREATE EXTENSION pg_stat_statements;

CREATE MATERIALIZED VIEW totals AS SELECT who, count(*) FROM visits GROUP BY who;
INSERT INTO visits VALUES ('2026-12-31', 9, 'after the view was made');
CREATE MATERIALIZED VIEW later AS SELECT 1 AS a WITH NO DATA;
CREATE VIEW happy AS SELECT id FROM every_type WHERE m = 'happy';

CREATE TABLE photos (name text, content oid);
INSERT INTO photos VALUES ('one', lo_from_bytea(0, decode(repeat('00ff', 5000), 'hex'))), ('empty', lo_create(0)),
  ('large', lo_from_bytea(0, decode(repeat('ab', 1200000), 'hex')));
-- Leaves a hole.
SELECT lo_put(content, 2000000, 'end') FROM photos WHERE name = 'large';

CREATE TABLE bulk AS SELECT i AS id, md5(i::text) || md5((-i)::text) AS a, random() AS r FROM generate_series(1, 200000) i;
