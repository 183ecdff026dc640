"""An engine and a client of its API that holds every answer to docs/openapi.yaml."""

import base64
import hashlib
import hmac
import http.client
import json
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import uuid

from openapi import Document, ROOT
from wire import free_port

BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))
CONFIG = os.path.join(ROOT, "config.toml")
ORIGIN = "https://tickets.example"
BASE = "/api/v1"
SECURITY_HEADERS = {"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
                    "Referrer-Policy": "no-referrer", "Server": "boxoffice"}


class Answer:
    def __init__(self, response, body):
        self.status = response.status
        self.headers = response.headers
        self.body = body
        self.json = None
        if response.headers.get("Content-Type", "").startswith("application/json") and body:
            self.json = json.loads(body)

    @property
    def data(self):
        return self.json["data"]

    @property
    def code(self):
        return self.json["error"]["code"] if self.json and "error" in self.json else None

    @property
    def details(self):
        return self.json["error"]["details"]

    @property
    def fields(self):
        return [fault["field"] for fault in self.details.get("fields", [])]

    def is_refusal(self, status, code, /, **details):
        return self.status == status and self.code == code and all(
            self.details.get(name) == value for name, value in details.items())

    def __repr__(self):
        return f"{self.status} {self.body[:300]!r}"


class Engine:
    """The real binary on two shards; `settings` are environment variables
    without their BOXOFFICE_."""

    def __init__(self, **settings):
        self.directory = tempfile.mkdtemp(prefix="rest-")
        self.data = os.path.join(self.directory, "data")
        self.port = free_port()
        self.settings = {"ENGINE_SHARDS": "2", "ENGINE_PIN": "false", "CORS_ORIGINS": ORIGIN,
                         "STORAGE_ALLOW_BUFFERED": "true", **settings}
        self.document = Document()
        self.faults = []
        self.local = threading.local()
        self.start()

    def start(self):
        env = {**os.environ, **{"BOXOFFICE_" + name: value for name, value in self.settings.items()}}
        self.process = subprocess.Popen(
            [os.path.join(BUILD, "boxoffice"), "--config", CONFIG, "--data-dir", self.data,
             "--listen", f"127.0.0.1:{self.port}", "--init"],
            stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, env=env)
        ready = queue.Queue()
        threading.Thread(target=self.read_log, args=(self.process.stderr, ready), daemon=True).start()
        self.lines = []
        try:
            came_up = ready.get(timeout=60)
        except queue.Empty:
            came_up = False
        if not came_up:
            self.process.kill()
            raise RuntimeError("not ready:\n" + "\n".join(self.lines))
        with open(os.path.join(self.data, "jwt-keys"), encoding="utf-8") as keys:
            lines = [line.strip() for line in keys if line.strip() and not line.startswith("#")]
        self.kid, self.secret = lines[-1].split(":", 1)

    def read_log(self, stream, ready):
        for line in stream:
            self.lines.append(line.decode(errors="replace").rstrip())
            if b'"event":"ready"' in line:
                ready.put(True)
        ready.put(False)

    def restart(self, how=signal.SIGKILL):
        self.process.send_signal(how)
        self.process.wait(20)
        self.start()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = "killed"
        shutil.rmtree(self.directory, ignore_errors=True)
        return status

    # --- tokens ---

    def boxctl_token(self, user, role, *more):
        command = [os.path.join(BUILD, "boxctl"), "--config", CONFIG, "--data-dir", self.data,
                   "token", "--user", user, "--role", role, *more]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def sign(self, claims, header=None, secret=None):
        """A token of any header and claims (dicts, or JSON text)."""
        header = {"alg": "HS256", "typ": "JWT", "kid": self.kid} if header is None else header
        parts = [part if isinstance(part, str) else json.dumps(part) for part in (header, claims)]
        head = ".".join(encode(part.encode()) for part in parts)
        mac = hmac.new((self.secret if secret is None else secret).encode(), head.encode(), hashlib.sha256)
        return head + "." + encode(mac.digest())

    def token(self, role="user", user=None, tenant=None):
        claims = {"sub": user or str(uuid.uuid4()), "role": role, "exp": int(time.time()) + 3600}
        if tenant:
            claims["tenant_id"] = tenant
        return self.sign(claims)

    # --- requests ---

    def request(self, method, path, token=None, body=None, headers=None, contract=True):
        """Sends on this thread's kept connection. `body`: text or bytes as they are,
        anything else as JSON."""
        headers = dict(headers or {})
        if token:
            headers["Authorization"] = "Bearer " + token
        if body is not None and not isinstance(body, (str, bytes)):
            body = json.dumps(body)
        if body is not None:
            body = body.encode() if isinstance(body, str) else body
            headers.setdefault("Content-Type", "application/json")
        headers = {name: value for name, value in headers.items() if value is not None}
        answer = self.exchange(method, path, body, headers)
        self.judge(method, path, answer, contract)
        return answer

    def exchange(self, method, path, body, headers):
        for attempt in (1, 2):
            connection = getattr(self.local, "connection", None)
            if connection is None:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
                self.local.connection = connection
            try:
                connection.request(method, path, body, headers)
                response = connection.getresponse()
                return Answer(response, response.read())
            except (http.client.HTTPException, OSError):
                connection.close()
                self.local.connection = None
                if attempt == 2:
                    raise
        return None

    def judge(self, method, path, answer, contract):
        """What every answer owes; kept to be checked once at the end."""
        where = f"{method} {path} {answer.status}"
        for name, value in SECURITY_HEADERS.items():
            if answer.headers.get(name) != value:
                self.faults.append(f"{where}: {name} is {answer.headers.get(name)!r}")
        if not answer.headers.get("X-Request-ID"):
            self.faults.append(f"{where}: no X-Request-ID")
        if answer.status >= 400 and answer.json:
            if answer.details["request_id"] != answer.headers["X-Request-ID"]:
                self.faults.append(f"{where}: another request_id in details")
            if answer.headers.get("Cache-Control") != "no-store":
                self.faults.append(f"{where}: an error may be stored")
        if answer.status in (429, 503) and not re.fullmatch(r"[1-9]\d*", answer.headers.get("Retry-After", "")):
            self.faults.append(f"{where}: no Retry-After")
        if contract:
            self.faults += self.document.response_faults(
                method, path.split("?")[0], answer.status, answer.headers.get("Content-Type", ""), answer.body)

    def get(self, path, token=None, **more):
        return self.request("GET", path, token, **more)

    def post(self, path, token=None, body=None, key=None, **more):
        headers = more.pop("headers", {})
        if key is not None:
            headers = {**headers, "Idempotency-Key": key}
        return self.request("POST", path, token, body, headers=headers, **more)

    # --- something to sell ---

    def make_zone(self, organizer, seats=100, price="1500.00", currency="THB", publish=True, **event):
        """A new event with one show and one zone: (event, show, zone) as answered."""
        made = self.post(BASE + "/events", organizer, {"title": "On sale " + uuid.uuid4().hex, **event}).data
        show = self.post(f"{BASE}/events/{made['id']}/shows", organizer,
                         {"show_date": "2030-01-01T20:00:00Z"}).data
        zone = self.post(f"{BASE}/shows/{show['id']}/zones", organizer,
                         f'{{"name":"Floor","price":{price},"currency":"{currency}","total_seats":{seats}}}').data
        if publish:
            made = self.post(f"{BASE}/events/{made['id']}/publish", organizer).data
        return made, show, zone

    def reserve(self, token, zone, quantity=1, key=None, **more):
        return self.post(BASE + "/bookings/reserve", token,
                         {"zone_id": zone["id"], "quantity": quantity, **more}, key=key)

    def zone(self, zone):
        return self.get(f"{BASE}/zones/{zone['id']}").data


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Tally:
    def __init__(self):
        self.passed = 0
        self.failures = []

    def check(self, claim, holds, seen=""):
        if holds:
            self.passed += 1
        else:
            self.failures.append(claim)
            print(f"FAIL {claim}: {seen}", flush=True)


def main(tests, **settings):
    """Runs the tests on one engine; each takes the engine and a check function."""
    tally = Tally()
    engine = Engine(**settings)
    for test in tests:
        if len(sys.argv) > 1 and sys.argv[1] not in test.__name__:
            continue
        try:
            test(engine, lambda claim, holds, seen="", name=test.__name__:
                 tally.check(f"{name}: {claim}", holds, seen))
        except Exception as error:  # a test that crashes has failed
            traceback.print_exc(limit=-2)
            tally.check(f"{test.__name__} runs to its end", False, f"{type(error).__name__}: {error}")
    for fault in sorted(set(engine.faults)):
        tally.check("every answer keeps the contract", False, fault)
    tally.check("every answer keeps the contract", not engine.faults)
    tally.check("the engine still runs", engine.process.poll() is None)
    status = engine.stop()
    tally.check("the engine stops in order", status == 0, (status, engine.lines[-5:]))
    print(f"{tally.passed} passed, {len(tally.failures)} failed")
    return 1 if tally.failures else 0
