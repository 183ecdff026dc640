"""What tests of boxreplay begin with: an engine that sold, beside a PostgreSQL."""

import signal

from .cases import check, equal
from .client import new_id
from .engine import Engine
from .postgres import Mirror, Postgres
from .sale import Sale, buyer


class Stage:
    """An engine that sold a little, a PostgreSQL, and a mirror that is not running."""

    def __init__(self, shards=2, bookings=12):
        self.postgres = Postgres()
        self.engine = Engine(shards=shards, ttl=600).start()
        self.sale = Sale(self.engine, seats=(500, 500), max_per_user=10)
        self.mirror = Mirror(self.engine, self.postgres)
        self.bookings = [self.book(number) for number in range(bookings)]

    def book(self, number=0):
        """A booking; of four one is confirmed and one cancelled."""
        client = buyer(self.engine)
        made = client.post("/api/v1/bookings/reserve", {
            "zone_id": self.sale.zones[number % 2], "quantity": 1 + number % 3}, key=new_id())
        equal(made.status, 201)
        booking = made.data["booking_id"]
        for verb in (("confirm",), ("cancel",), (), ())[number % 4]:
            equal(client.post(f"/api/v1/bookings/{booking}/{verb}").status, 200, verb)
        return booking

    def one(self, sql):
        return self.postgres.query(sql)[0][0]

    def equal(self):
        done = self.mirror.command("diff")
        equal(done.returncode, 0, f"diff: {done.stdout}{done.stderr}\n")
        check("equal" in done.stdout, done.stdout)

    def end(self):
        self.mirror.kill(signal.SIGTERM)
        self.engine.kill()
        self.postgres.stop("immediate")
