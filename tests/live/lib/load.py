"""Buyers: many users who reserve, confirm, cancel and read at random, and write down
what they saw. Some of them retry what was not answered until they know."""

import random
import threading
import time

from . import tokens
from .cases import equal
from .client import new_id
from .crowd import Call, Crowd, Pause
from .history import Op

TRIES_MAX = 2000


class Story:
    """A sale, its buyers and all they did."""

    def __init__(self, engine, zones, retry=True, seed=1, think=0.0):
        self.engine = engine
        self.zones = zones
        self.retry = retry
        self.think = think
        self.random = random.Random(seed)
        self.ops = []
        self.crowd = Crowd(engine)
        self.thread = None

    # --- running beside the test ---

    def begin(self, buyers):
        self.crowd.stopping = False
        for number in range(buyers):
            self.crowd.add(self._buyer(number))
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        return self

    def _run(self):
        try:
            self.crowd.run()
        except Exception as error:  # told to the test by end()
            self.crowd.failure = error

    def end(self, timeout=30.0):
        """No new operations; returns when every buyer knows how its last one went."""
        self.crowd.stopping = True
        self.thread.join(timeout)
        if self.crowd.failure is not None:
            raise self.crowd.failure
        if self.thread.is_alive():
            raise AssertionError("buyers still wait for a definite answer")
        self.crowd.close()
        self.crowd = Crowd(self.engine)
        return self.ops

    # --- one operation ---

    def _ask(self, client, user, token, kind, args, key, path, method="POST", body=None):
        """Generator: does one operation, again until definite if this story retries."""
        for _ in range(TRIES_MAX):
            op = Op(client, user, kind, args, key, time.monotonic_ns(), time.time_ns() // 1_000_000)
            call = Call(method, path, body, token, key, timeout=8.0)
            self.ops.append(op)
            answer = yield call
            op.invoke_ns = call.invoke_ns
            op.returned(answer, call.return_ns)
            definite = op.status is not None and op.status < 500
            if op.code != "IDEMPOTENCY_IN_PROGRESS" and (definite or (op.sent and not self.retry)):
                return op
            yield Pause(0.01)
        raise AssertionError(f"no definite answer after {TRIES_MAX} tries: {op!r}")

    def reserve(self, client, user, token, zone, quantity, key):
        return self._ask(client, user, token, "reserve", {"zone": zone, "quantity": quantity}, key,
                         "/api/v1/bookings/reserve",
                         body={"zone_id": zone, "quantity": quantity})

    def confirm(self, client, user, token, booking, key=None):
        return self._ask(client, user, token, "confirm", {"booking": booking}, key,
                         f"/api/v1/bookings/{booking}/confirm")

    def cancel(self, client, user, token, booking, key=None):
        return self._ask(client, user, token, "cancel", {"booking": booking}, key,
                         f"/api/v1/bookings/{booking}/cancel")

    def get(self, client, user, token, booking):
        return self._ask(client, user, token, "get", {"booking": booking}, None,
                         f"/api/v1/bookings/{booking}", method="GET")

    # --- a buyer ---

    def _buyer(self, number):
        """One connection after another user: each user does a few things and leaves."""
        draw = random.Random(self.random.random())
        client = f"buyer-{number}"
        while not self.crowd.stopping:
            user = new_id()
            token = tokens.mint(self.engine, user=user)
            held, keys = [], []
            for _ in range(draw.randint(3, 12)):
                if self.crowd.stopping:
                    return
                yield from self._step(draw, client, user, token, held, keys)
                if self.think:
                    yield Pause(draw.random() * self.think)

    def _step(self, draw, client, user, token, held, keys):
        roll = draw.random()
        if roll < 0.5 or not held:
            zone, quantity, key = draw.choice(self.zones), draw.randint(1, 3), new_id()
            op = yield from self.reserve(client, user, token, zone, quantity, key)
            keys.append((zone, quantity, key))
            if op.good:
                held.append(op.data["booking_id"])
        elif roll < 0.6:
            zone, quantity, key = draw.choice(keys)
            yield from self.reserve(client, user, token, zone, quantity, key)
        elif roll < 0.7:
            yield from self.confirm(client, user, token, draw.choice(held),
                                    new_id() if draw.random() < 0.5 else None)
        elif roll < 0.88:
            yield from self.cancel(client, user, token, draw.choice(held),
                                   new_id() if draw.random() < 0.5 else None)
        else:
            yield from self.get(client, user, token, draw.choice(held))

    # --- after the story ---

    def check_kept(self):
        """Every booking that was answered is there, in the state that was answered."""
        ended = {op.args["booking"] for op in self.ops if op.kind == "cancel" and op.good}
        bought = {op.args["booking"] for op in self.ops if op.kind == "confirm" and op.good}
        marker = len(self.ops)
        self.read_all()
        for op in self.ops[marker:]:
            equal(op.status, 200, f"a booking that was answered: {op!r}")
            booking = op.args["booking"]
            expected = ("cancelled" if booking in ended else
                        "confirmed" if booking in bought else "reserved")
            equal(op.data["status"], expected, f"{op!r}")

    def read_all(self):
        """Every booking anyone was told of, read once more by its owner."""
        owners = {}
        for op in self.ops:
            if op.kind == "reserve" and op.good:
                owners[op.data["booking_id"]] = op.user
        bookings = iter(list(owners.items()))

        def reader(number):
            for booking, user in bookings:
                token = tokens.mint(self.engine, user=user)
                yield from self.get(f"reader-{number}", user, token, booking)

        for number in range(16):
            self.crowd.add(reader(number))
        self.crowd.run()
        return len(owners)

