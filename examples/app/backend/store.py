"""The database and the cache. Both may be away when the application starts, and come back while it runs."""

import hashlib
import json
import queue
import threading
import time
from contextlib import closing, contextmanager

import psycopg2
import psycopg2.extras
import redis
from werkzeug.security import generate_password_hash

# Any number, the same in every replica: two that start at once create the tables one after the other.
SCHEMA_LOCK = 720_931_544
LIST_TTL_SECONDS = 30

SCHEMA = """
CREATE TABLE IF NOT EXISTS users (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email text NOT NULL UNIQUE CHECK (email = lower(email)),
    password_hash text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE IF NOT EXISTS clients (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 120),
    email text UNIQUE CHECK (email = lower(email)),
    phone text,
    plan text NOT NULL DEFAULT 'basic' CHECK (plan IN ('basic', 'plus', 'personal')),
    notes text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS clients_by_name ON clients (lower(name), id);
CREATE TABLE IF NOT EXISTS activity_log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id bigint REFERENCES users (id) ON DELETE SET NULL,
    action text NOT NULL,
    email text,
    ip_address inet,
    details jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS activity_log_by_action ON activity_log (action, created_at);
"""


class Database:
    """Connections that are made on first use, so that each worker process has its own, and kept for the next request.
    There are never more of them than threads that ask at once."""

    def __init__(self, url, admin_email="", admin_password=""):
        self._url = url
        self._admin = (admin_email, admin_password)
        self._idle = queue.LifoQueue()
        self._preparing = threading.Lock()
        self._prepared = False

    def _connect(self):
        return psycopg2.connect(
            self._url, connect_timeout=3, keepalives_idle=30, application_name="fitnesscrm-backend"
        )

    def _prepare(self):
        with self._preparing:
            if self._prepared:
                return
            with closing(self._connect()) as connection, connection, connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", (SCHEMA_LOCK,))
                cursor.execute(SCHEMA)
                email, password = self._admin
                if email:
                    cursor.execute(
                        "INSERT INTO users (email, password_hash) VALUES (%s, %s) ON CONFLICT (email) DO NOTHING",
                        (email, generate_password_hash(password)),
                    )
            self._prepared = True

    def _take(self):
        """An idle connection that still works, or a new one: the server may have been replaced meanwhile."""
        while True:
            try:
                connection = self._idle.get_nowait()
            except queue.Empty:
                return self._connect()
            try:
                with connection, connection.cursor() as cursor:
                    cursor.execute("SELECT 1")
                return connection
            except (psycopg2.OperationalError, psycopg2.InterfaceError):
                connection.close()

    @contextmanager
    def cursor(self):
        """A cursor in a transaction of its own, committed unless an exception leaves the block."""
        if not self._prepared:
            self._prepare()
        connection = self._take()
        try:
            with connection, connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
                yield cursor
        finally:
            if not connection.closed:
                self._idle.put(connection)

    def ping(self):
        """Milliseconds that a statement takes. Raises psycopg2.Error with the reason."""
        started = time.monotonic()
        with self.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = '2s'")
            cursor.execute("SELECT 1")
        return round((time.monotonic() - started) * 1000, 1)


class Cache:
    """Lists of clients, for a short while. Without Redis everything works, only slower."""

    def __init__(self, url, log):
        self._redis = redis.Redis.from_url(
            url, socket_connect_timeout=1, socket_timeout=1, health_check_interval=30, decode_responses=True
        )
        self._log = log

    def ping(self):
        """Milliseconds that a ping takes. Raises redis.RedisError with the reason."""
        started = time.monotonic()
        self._redis.ping()
        return round((time.monotonic() - started) * 1000, 1)

    def key(self, *parts):
        """The key of a list, or None without Redis. It holds the generation at this moment: a list that was read before
        a change ends up under a key that nobody asks for any more."""
        try:
            generation = self._redis.get("clients:generation") or "0"
        except redis.RedisError as error:
            self._log.warning("cache not used: %s", error)
            return None
        digest = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]
        return f"clients:list:{generation}:{digest}"

    def get(self, key):
        if key is None:
            return None
        try:
            text = self._redis.get(key)
        except redis.RedisError:
            return None
        return None if text is None else json.loads(text)

    def put(self, key, value):
        if key is None:
            return
        try:
            self._redis.set(key, json.dumps(value), ex=LIST_TTL_SECONDS)
        except redis.RedisError as error:
            self._log.warning("cache not written: %s", error)

    def invalidate(self):
        try:
            self._redis.incr("clients:generation")
        except redis.RedisError as error:
            self._log.warning("cache not invalidated, lists may be %s s old: %s", LIST_TTL_SECONDS, error)
