"""A stand-in for the application's site, as a web server serves one: kept copies, packed answers. site.py PORT"""

import gzip
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAGE = "<!doctype html>\n<html lang=en><head><title>Site</title></head>\n%s<main>Hello</main></body></html>\n"
FILES = {
    "/": ("text/html", PAGE % "<body>"),
    "/attributes": ("text/html; charset=utf-8", PAGE % '<body class="app" data-page="1">'),
    "/capitals": ("text/html", PAGE % "<BODY ID=top>"),
    "/no-body": ("text/html", "<!doctype html><title>Site</title><p>Hello</p>\n"),
    "/app.js": ("text/javascript", "document.write('<body>')\n" + "// long enough to be packed\n" * 100),
    "/data.json": ("application/json", '{"text":"<body>"}'),
    "/api/page": ("text/html", PAGE % "<body>"),
}
TAG = '"first"'
CHANGED = "Thu, 26 Nov 2026 10:00:00 GMT"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path = self.path.split("?")[0]
        if self.headers.get("If-None-Match") == TAG or self.headers.get("If-Modified-Since") == CHANGED:
            self.send_response(304)
            self.send_header("ETag", TAG)
            self.end_headers()
            return
        kind, text = FILES.get(path, FILES["/"])
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("ETag", TAG)
        self.send_header("Last-Modified", CHANGED)
        self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'")
        if "gzip" in self.headers.get("Accept-Encoding", ""):
            body = gzip.compress(body)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *arguments):
        pass


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
ThreadingHTTPServer(("", int(sys.argv[1])), Handler).serve_forever()
