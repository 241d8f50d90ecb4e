"""manage.py add-user EMAIL: makes a user, or changes a user's password. The password is read from standard input."""

import re
import sys

from werkzeug.security import generate_password_hash

import settings as configuration
from store import Database


def main(arguments):
    if len(arguments) != 2 or arguments[0] != "add-user" or not re.fullmatch(r"[^@\s]+@[^@\s]+", arguments[1]):
        configuration.refuse("usage: manage.py add-user EMAIL, with the password on standard input")
    password = sys.stdin.readline().removesuffix("\n")
    if len(password) < 12:
        configuration.refuse("the password is shorter than 12 characters")
    settings = configuration.load()
    email = arguments[1].lower()
    with Database(settings.database_url).cursor() as cursor:
        cursor.execute(
            "INSERT INTO users (email, password_hash) VALUES (%s, %s)"
            " ON CONFLICT (email) DO UPDATE SET password_hash = EXCLUDED.password_hash",
            (email, generate_password_hash(password)),
        )
    print(f"{email} can log in now")


if __name__ == "__main__":
    main(sys.argv[1:])
