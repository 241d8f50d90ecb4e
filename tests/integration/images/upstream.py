"""A stand-in upstream: says who it is and what reached it. upstream.py PORT"""

import json
import os
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.headers.get("Upgrade") == "websocket" and self.headers.get("Connection") == "upgrade":
            self.send_response(101)
            self.send_header("Upgrade", "websocket")
            self.send_header("Connection", "Upgrade")
            self.end_headers()
            self.wfile.write(b"upgraded\n")
            self.close_connection = True
            return
        path = self.path.split("?")[0]
        if path.startswith("/api/sleep/"):
            time.sleep(float(path.rsplit("/", 1)[1]))
        knows = {"Permissions-Policy": "camera=(self)", "Cross-Origin-Opener-Policy": "unsafe-none"}
        self.answer(503 if path == "/api/503" else 200, knows if path == "/api/policies" else {})

    def do_POST(self):
        length = int(self.headers.get("Content-Length", "0"))
        print(f"POST {self.path} {self.rfile.read(length)!r}", flush=True)
        limited = self.path == "/api/429"
        self.answer(429 if limited else 200, {"Retry-After": "7"} if limited else {})

    def answer(self, status, more={}):
        body = json.dumps({"host": os.uname().nodename, "path": self.path, "headers": dict(self.headers)}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("X-Frame-Options", "ALLOWALL")
        self.send_header("Strict-Transport-Security", "max-age=1")
        for name, value in more.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
ThreadingHTTPServer(("", int(sys.argv[1])), Handler).serve_forever()
