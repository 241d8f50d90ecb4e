"""What the application reads from its environment. There are no defaults for anything that matters."""

import os
import sys
from dataclasses import dataclass

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def refuse(reason):
    """End the process with one line: a container that starts with half of its settings is worse than none."""
    sys.stderr.write(f"fitnesscrm: {reason}\n")
    sys.exit(78)


@dataclass(frozen=True)
class Settings:
    database_url: str
    redis_url: str
    secret_key: str
    allowed_origins: tuple
    sentry_dsn: str
    log_level: str
    version: str
    test_routes: bool
    admin_email: str
    admin_password: str


def _required(environment, name):
    value = environment.get(name, "")
    if not value:
        refuse(f"{name} is not set: the application needs it in its environment")
    return value


def _admin(environment):
    """An administrator exists only when both are given; the password comes from a file, never from the environment."""
    email = environment.get("ADMIN_EMAIL", "").strip().lower()
    path = environment.get("ADMIN_PASSWORD_FILE", "")
    if not email and not path:
        return "", ""
    if not email or not path:
        refuse("ADMIN_EMAIL and ADMIN_PASSWORD_FILE belong together: set both or none")
    try:
        with open(path, encoding="utf-8") as file:
            password = file.read().removesuffix("\n")
    except OSError as error:
        refuse(f"ADMIN_PASSWORD_FILE {path} cannot be read: {error.strerror}")
    if len(password) < 12:
        refuse(f"the password in ADMIN_PASSWORD_FILE {path} is shorter than 12 characters")
    return email, password


def load(environment=None):
    environment = os.environ if environment is None else environment
    level = environment.get("LOG_LEVEL", "INFO").upper()
    if level not in LEVELS:
        refuse(f'LOG_LEVEL is "{level}": {", ".join(LEVELS)} are allowed')
    admin_email, admin_password = _admin(environment)
    return Settings(
        database_url=_required(environment, "DATABASE_URL"),
        redis_url=_required(environment, "REDIS_URL"),
        secret_key=_required(environment, "SECRET_KEY"),
        allowed_origins=tuple(
            origin.strip().rstrip("/")
            for origin in environment.get("ALLOWED_ORIGINS", "").split(",")
            if origin.strip()
        ),
        sentry_dsn=environment.get("SENTRY_DSN", ""),
        log_level=level,
        version=environment.get("APP_VERSION", "unknown"),
        test_routes=environment.get("TEST_ROUTES", "") == "1",
        admin_email=admin_email,
        admin_password=admin_password,
    )
