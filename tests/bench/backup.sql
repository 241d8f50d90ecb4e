-- What a gym's CRM gathers in some years, about 1.4 GB at scale 1: :scale is replaced by a number.
SELECT setseed(0.42);
CREATE TYPE action AS ENUM ('login', 'login_failure', 'view', 'create', 'update', 'delete');
CREATE ROLE fitnesscrm_app;

CREATE TEMPORARY TABLE word AS SELECT row_number() OVER () AS id, w FROM unnest(ARRAY[
  'the', 'and', 'to', 'of', 'a', 'in', 'for', 'is', 'on', 'that', 'with', 'was', 'as', 'it', 'be', 'by', 'are', 'this',
  'from', 'at', 'have', 'or', 'not', 'you', 'we', 'they', 'one', 'all', 'can', 'will', 'your', 'about', 'up', 'more',
  'when', 'there', 'time', 'if', 'out', 'so', 'what', 'which', 'their', 'said', 'do', 'has', 'been', 'were', 'but',
  'an', 'who', 'new', 'two', 'may', 'get', 'like', 'just', 'over', 'than', 'first', 'also', 'after', 'back', 'other',
  'how', 'our', 'work', 'well', 'even', 'because', 'any', 'these', 'give', 'most', 'us', 'member', 'session', 'trainer',
  'class', 'schedule', 'please', 'thanks', 'booking', 'cancelled', 'rescheduled', 'morning', 'evening', 'tomorrow',
  'yesterday', 'weekly', 'monthly', 'payment', 'invoice', 'overdue', 'card', 'declined', 'refund', 'upgrade', 'premium',
  'basic', 'plan', 'renew', 'freeze', 'membership', 'injury', 'shoulder', 'knee', 'lower', 'recovery', 'stretching',
  'cardio', 'strength', 'endurance', 'bench', 'press', 'squat', 'deadlift', 'rowing', 'treadmill', 'bicycle',
  'kettlebell', 'dumbbell', 'repetitions', 'sets', 'weight', 'progress', 'goal', 'increase', 'decrease', 'kilograms',
  'personal', 'record', 'nutrition', 'protein', 'calories', 'breakfast', 'vegetarian', 'allergic', 'peanuts', 'doctor',
  'approved', 'pregnant', 'postpartum', 'locker', 'towel', 'shower', 'parking', 'feedback', 'excellent', 'friendly',
  'crowded', 'broken', 'machine', 'maintenance', 'temperature', 'music', 'loud', 'childcare', 'family', 'friend',
  'referral', 'discount', 'january', 'february', 'march', 'april', 'may', 'june', 'july', 'august', 'september',
  'october', 'november', 'december', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday'
]) w;
-- Few words are frequent and many are rare, and some stand together more often than others, as in what people write.
CREATE TEMPORARY TABLE phrase AS
SELECT s AS id, string_agg(w, ' ') AS t FROM (
  SELECT s, w.w FROM generate_series(1, 20000) s CROSS JOIN generate_series(1, 4) n
  JOIN word w ON w.id = 1 + (power(('x' || left(md5(s || ':' || n), 7))::bit(28)::int / 268435456.0, 2) * 178)::int
) x GROUP BY s;
CREATE INDEX ON phrase (id);
ANALYZE phrase;

CREATE TABLE clients (id bigint PRIMARY KEY, name text NOT NULL, email text NOT NULL, phone text, joined date, notes text);
INSERT INTO clients SELECT i, initcap(split_part(t, ' ', 1) || ' ' || split_part(t, ' ', 2)),
  split_part(t, ' ', 1) || i || '@example.com', '+1' || (2000000000 + i * 37 % 999999999), '2019-01-01'::date + i % 2500, t
FROM generate_series(1, (200000 * :scale)::int) i JOIN phrase s ON s.id = 1 + i * 7919 % 20000;
CREATE UNIQUE INDEX ON clients (email);

CREATE TABLE activity_log (id bigint PRIMARY KEY, client_id bigint, action action, ip inet, at timestamptz, details jsonb);
INSERT INTO activity_log SELECT i, 1 + (random() * 200000 * :scale)::int,
  (enum_range(NULL::action))[1 + (random() * 5)::int], '10.0.0.0'::inet + (random() * 60000)::int,
  '2022-01-01'::timestamptz + i * interval '30 seconds' + random() * interval '20 seconds',
  jsonb_build_object('path', '/api/clients/' || (random() * 200000)::int, 'ms', (random() * 300)::int, 'agent', (ARRAY[
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36',
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Safari/604.1',
  'Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0'])[1 + (random() * 3)::int])
FROM generate_series(1, (2700000 * :scale)::int) i;
CREATE INDEX ON activity_log (client_id);

CREATE TABLE workouts (id bigint PRIMARY KEY, client_id bigint, at timestamptz, exercise text, sets int, reps int, weight numeric(6, 2), note text);
INSERT INTO workouts SELECT i, 1 + (random() * 200000 * :scale)::int, '2022-01-01'::timestamptz + i * interval '45 seconds',
  split_part(t, ' ', 1 + i % 3), 1 + i % 5, 5 + i % 15, round((random() * 150)::numeric, 2), CASE WHEN i % 4 = 0 THEN t END
FROM generate_series(1, (2500000 * :scale)::int) i JOIN phrase s ON s.id = 1 + i * 6007::bigint % 20000;
CREATE INDEX ON workouts (client_id, at);

CREATE TABLE messages (id bigint PRIMARY KEY, client_id bigint, at timestamptz, body text);
INSERT INTO messages SELECT i, 1 + (random() * 200000 * :scale)::int, '2022-01-01'::timestamptz + i * interval '2 minutes',
  concat_ws(' ', p0.t, p1.t, p2.t, p3.t, p4.t, p5.t, p6.t, p7.t)
FROM generate_series(1, (1000000 * :scale)::int) i
JOIN phrase p0 ON p0.id = 1 + (hashint8extended(i, 0) & 16383)
JOIN phrase p1 ON p1.id = 1 + (hashint8extended(i, 1) & 16383)
JOIN phrase p2 ON p2.id = 1 + (hashint8extended(i, 2) & 16383)
JOIN phrase p3 ON p3.id = 1 + (hashint8extended(i, 3) & 16383)
JOIN phrase p4 ON p4.id = 1 + (hashint8extended(i, 4) & 16383)
JOIN phrase p5 ON p5.id = 1 + (hashint8extended(i, 5) & 16383)
JOIN phrase p6 ON p6.id = 1 + (hashint8extended(i, 6) & 16383)
JOIN phrase p7 ON p7.id = 1 + (hashint8extended(i, 7) & 16383);
