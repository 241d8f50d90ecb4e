"""A small stand-in for FitnessCRM that honours the application's contract: routes only, the rest is in its own files."""

import ipaddress
import json
import logging
import os
import re
import secrets
import sys
import time
from datetime import datetime, timedelta, timezone

import psycopg2
import redis
from flask import Flask, jsonify, request, send_from_directory, session
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.security import check_password_hash, generate_password_hash

import settings as configuration
from store import Cache, Database

UPLOADS = "/app/uploads"
UPLOAD_TYPES = (".gif", ".jpeg", ".jpg", ".pdf", ".png", ".webp")
PLANS = ("basic", "plus", "personal")
EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")
PHONE = re.compile(r"\+?[0-9 ()./-]{5,30}")
PER_PAGE_MAX = 100


class JsonLines(logging.Formatter):
    def format(self, record):
        line = {
            "time": datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line)


settings = configuration.load()
handler = logging.StreamHandler(sys.stdout)
handler.setFormatter(JsonLines())
log = logging.getLogger("fitnesscrm")
log.addHandler(handler)
log.setLevel(settings.log_level)
log.propagate = False
if settings.sentry_dsn:
    log.warning("SENTRY_DSN is set, but this stand-in sends nothing to Sentry")

app = Flask(__name__, static_folder=None)
app.config.update(
    SECRET_KEY=settings.secret_key,
    SESSION_COOKIE_HTTPONLY=True,
    SESSION_COOKIE_SAMESITE="Lax",
    PERMANENT_SESSION_LIFETIME=timedelta(hours=12),
    MAX_CONTENT_LENGTH=20 * 1024 * 1024,
)
# nginx replaces what a client says about its address, so exactly one hop is believed.
app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1)

database = Database(settings.database_url, settings.admin_email, settings.admin_password)
cache = Cache(settings.redis_url, log)

# Compared against when there is no such user, so that both cases take the same time.
NOBODY = generate_password_hash(secrets.token_hex(16))


def failure(status, message, **more):
    return jsonify(error=message, **more), status


@app.before_request
def check_origin():
    """A page of another site must not change anything with a visitor's cookie."""
    origin = request.headers.get("Origin")
    if request.method in ("GET", "HEAD", "OPTIONS") or not origin:
        return None
    own = (f"http://{request.host}", f"https://{request.host}")
    if origin.rstrip("/") in settings.allowed_origins + own:
        return None
    return failure(403, f"requests from {origin} are not allowed: add it to ALLOWED_ORIGINS")


@app.after_request
def add_headers(response):
    origin = request.headers.get("Origin", "").rstrip("/")
    if origin in settings.allowed_origins:
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Allow-Credentials"] = "true"
        response.headers["Access-Control-Allow-Headers"] = "Content-Type"
        response.headers["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
        response.headers.add("Vary", "Origin")
    if request.path.startswith("/api/"):
        response.headers["Cache-Control"] = "no-store"
    return response


@app.errorhandler(Exception)
def on_error(error):
    if isinstance(error, HTTPException):
        return failure(error.code, error.description)
    if isinstance(error, (psycopg2.OperationalError, psycopg2.InterfaceError)):
        log.error("database not reachable: %s", " ".join(str(error).split()))
        return failure(503, "the database is not reachable right now, try again in a moment")
    log.exception("request failed: %s %s: %s", request.method, request.path, error)
    return failure(500, "something went wrong here, it was logged")


def login_required():
    return None if "user" in session else failure(401, "please log in first")


def body():
    """The request's JSON object, or an empty one: the checks of its fields then say what is missing."""
    data = request.get_json(silent=True)
    return data if isinstance(data, dict) else {}


def text(data, name):
    value = data.get(name)
    return value.strip() if isinstance(value, str) else ""


@app.get("/api/health")
def health():
    answer = {"status": "healthy", "version": settings.version}
    status = 200
    try:
        answer["database"] = {"status": "up", "milliseconds": database.ping()}
    except psycopg2.Error as error:
        reason = " ".join(str(error).split())
        answer.update(status="unhealthy", reason=f"database: {reason}", database={"status": "down", "reason": reason})
        status = 503
    try:
        answer["cache"] = {"status": "up", "milliseconds": cache.ping()}
    except redis.RedisError as error:
        answer["cache"] = {"status": "down", "reason": " ".join(str(error).split())}
    return jsonify(answer), status


@app.get("/api/version")
def version():
    return jsonify(version=settings.version)


def record(cursor, action, email, user_id=None):
    try:
        address = str(ipaddress.ip_address(request.remote_addr or ""))
    except ValueError:
        address = None
    cursor.execute(
        "INSERT INTO activity_log (user_id, action, email, ip_address) VALUES (%s, %s, %s, %s)",
        (user_id, action, email, address),
    )


@app.post("/api/login")
def login():
    data = body()
    email = text(data, "email").lower()
    password = data.get("password")
    if not email or not isinstance(password, str) or not password or "\x00" in email:
        return failure(400, "email and password are needed")
    # Outside the transaction: hashing takes a while and holds nothing meanwhile.
    with database.cursor() as cursor:
        cursor.execute("SELECT id, email, password_hash FROM users WHERE email = %s", (email,))
        user = cursor.fetchone()
    right = check_password_hash(user["password_hash"] if user else NOBODY, password) and user is not None
    with database.cursor() as cursor:
        record(cursor, "login" if right else "login_failure", email[:254], user["id"] if user else None)
    if not right:
        return failure(401, "email or password is wrong")
    session.clear()
    session.permanent = True
    session["user"] = user["email"]
    return jsonify(email=user["email"])


@app.post("/api/logout")
def logout():
    session.clear()
    return jsonify(ok=True)


@app.get("/api/session")
def current_session():
    return jsonify(email=session.get("user"))


def number(name, default, highest):
    value = request.args.get(name, str(default))
    return int(value) if re.fullmatch(r"[0-9]{1,6}", value) and 1 <= int(value) <= highest else None


@app.get("/api/clients")
def list_clients():
    if refused := login_required():
        return refused
    page, per_page = number("page", 1, 100_000), number("per_page", 20, PER_PAGE_MAX)
    if page is None or per_page is None:
        return failure(400, f"page must be a number from 1 on, per_page one from 1 to {PER_PAGE_MAX}")
    search = request.args.get("search", "").strip()[:100].replace("\x00", "")
    key = cache.key(search.lower(), page, per_page)
    answer = cache.get(key)
    hit = answer is not None
    if not hit:
        pattern = "%" + re.sub(r"([\\%_])", r"\\\1", search) + "%"
        with database.cursor() as cursor:
            where = "WHERE name ILIKE %(p)s OR email ILIKE %(p)s OR phone ILIKE %(p)s" if search else ""
            cursor.execute(f"SELECT count(*) AS total FROM clients {where}", {"p": pattern})
            total = cursor.fetchone()["total"]
            cursor.execute(
                f"SELECT id, name, email, phone, plan, notes, created_at FROM clients {where}"
                " ORDER BY lower(name), id LIMIT %(limit)s OFFSET %(offset)s",
                {"p": pattern, "limit": per_page, "offset": (page - 1) * per_page},
            )
            rows = cursor.fetchall()
        items = [{**row, "created_at": row["created_at"].isoformat()} for row in rows]
        answer = {"items": items, "total": total, "page": page, "per_page": per_page}
        cache.put(key, answer)
    response = jsonify(answer)
    response.headers["X-Cache"] = "hit" if hit else "miss"
    return response


def check_client(data):
    """The clean values of a new client and, by field, what is wrong with them."""
    values = {name: text(data, name) for name in ("name", "email", "phone", "notes")}
    values["email"] = values["email"].lower()
    values["plan"] = text(data, "plan") or "basic"
    wrong = {}
    if not 1 <= len(values["name"]) <= 120:
        wrong["name"] = "a name of 1 to 120 characters is needed"
    if values["email"] and (len(values["email"]) > 254 or not EMAIL.fullmatch(values["email"])):
        wrong["email"] = "this is no email address"
    if values["phone"] and not PHONE.fullmatch(values["phone"]):
        wrong["phone"] = "digits, spaces and + ( ) . / - are allowed"
    if values["plan"] not in PLANS:
        wrong["plan"] = f"{', '.join(PLANS)} are allowed"
    if len(values["notes"]) > 2000:
        wrong["notes"] = "2000 characters at most"
    for name, value in values.items():
        if "\x00" in value:
            wrong[name] = "this holds a character that cannot be stored"
    return values, wrong


@app.post("/api/clients")
def add_client():
    if refused := login_required():
        return refused
    values, wrong = check_client(body())
    if wrong:
        return failure(400, "some fields are not right", fields=wrong)
    try:
        with database.cursor() as cursor:
            cursor.execute(
                "INSERT INTO clients (name, email, phone, plan, notes)"
                " VALUES (%(name)s, NULLIF(%(email)s, ''), NULLIF(%(phone)s, ''), %(plan)s, %(notes)s)"
                " RETURNING id, name, email, phone, plan, notes, created_at",
                values,
            )
            row = cursor.fetchone()
            record(cursor, "client_added", session["user"])
    except psycopg2.errors.UniqueViolation:
        return failure(409, "some fields are not right", fields={"email": "a client with this address exists already"})
    cache.invalidate()
    return jsonify({**row, "created_at": row["created_at"].isoformat()}), 201


@app.post("/api/uploads")
def add_upload():
    if refused := login_required():
        return refused
    file = request.files.get("file")
    suffix = os.path.splitext(file.filename or "")[1].lower() if file else ""
    if suffix not in UPLOAD_TYPES:
        return failure(400, f"a file named \"file\" is needed, of type {', '.join(UPLOAD_TYPES)}")
    name = secrets.token_hex(16) + suffix
    # Written beside its place first: nobody is served half a file.
    temporary = os.path.join(UPLOADS, f".{name}.part")
    try:
        file.save(temporary)
        os.replace(temporary, os.path.join(UPLOADS, name))
    except OSError as error:
        log.error("upload not stored: %s", error.strerror)
        return failure(507, f"the file could not be stored: {error.strerror}")
    return jsonify(name=name, url=f"/uploads/{name}"), 201


@app.get("/uploads/<name>")
def get_upload(name):
    if refused := login_required():
        return refused
    if not re.fullmatch(r"[0-9a-f]{32}\.[a-z]{3,4}", name):
        return failure(404, "there is no such file")
    return send_from_directory(UPLOADS, name, max_age=3600)


if settings.test_routes:
    log.warning("TEST_ROUTES=1: /api/test/slow and /api/test/fail are open")

    @app.get("/api/test/slow")
    def slow():
        milliseconds = number("ms", 1000, 30_000)
        if milliseconds is None:
            return failure(400, "ms must be a number from 1 to 30000")
        time.sleep(milliseconds / 1000)
        return jsonify(slept=milliseconds)

    @app.get("/api/test/fail")
    def fail():
        raise RuntimeError("this route fails on purpose")
