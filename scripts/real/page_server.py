"""Serves page.html on loopback, prints its port, then what the page posts back, and ends.

Without an answer it ends after some time.

page_server.py PAGE SECONDS
"""

import http.server
import sys
import time

PAGE, SECONDS = sys.argv[1], float(sys.argv[2])
MOST = 1 << 20


class Handler(http.server.BaseHTTPRequestHandler):
    timeout = SECONDS

    def do_GET(self):
        if self.path.split("?")[0] != "/":
            self.send_error(404)
            return
        with open(PAGE, "rb") as page:
            body = page.read()
        self.send_response(200)
        self.send_header("content-type", "text/html; charset=utf-8")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        length = min(int(self.headers.get("content-length", 0)), MOST)
        results = self.rfile.read(length)
        self.send_response(204)
        self.end_headers()
        sys.stdout.buffer.write(results)
        sys.stdout.buffer.flush()
        self.server.answered = True

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.timeout = 0.2
server.answered = False
server.daemon_threads = True
print(server.server_port, flush=True)
end = time.monotonic() + SECONDS
while not server.answered and time.monotonic() < end:
    server.handle_request()
sys.exit(0 if server.answered else 1)
