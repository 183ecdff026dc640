#!/usr/bin/env python3
"""Started with another shard count, the engine deals the data anew and keeps all of it."""

import time

from lib import log
from lib.cases import check, equal, main
from lib.client import new_id
from lib.engine import Engine
from lib.load import Story
from lib.model import Model
from lib.sale import Sale, buyer
from test_crash import crash_points


class Buyers:
    """A few users with bookings in every state, and what the engine said of them."""

    def __init__(self, engine, sale):
        self.engine = engine
        self.sale = sale
        self.clients = []
        self.said = []  # (client, key, zone, quantity, the reserve's answer)
        for number in range(40):
            client = buyer(engine)
            zone, key, quantity = sale.zones[number % len(sale.zones)], new_id(), 1 + number % 3
            answer = client.reserve(zone, quantity, key)
            equal(answer.status, 201, "reserve")
            booking = answer.data["booking_id"]
            if number % 4 == 1:
                equal(client.confirm(booking).status, 200)
            elif number % 4 == 2:
                equal(client.cancel(booking).status, 200)
            self.clients.append(client)
            self.said.append((client, key, zone, quantity, answer))

    def look(self):
        """Everything there is to see of them."""
        seen = [client.booking(answer.data["booking_id"]).raw
                for client, _, _, _, answer in self.said]
        seen += [client.get("/api/v1/bookings").data for client in self.clients]
        seen += [self.sale.counts(zone) for zone in self.sale.zones]
        return seen

    def repeat(self):
        """Each reserve again with its key: the first answer over again."""
        for client, key, zone, quantity, answer in self.said:
            again = client.reserve(zone, quantity, key)
            equal((again.status, again.raw), (201, answer.raw), "repeat with the same key")
            check(again.replayed, "not marked as a replay")

    def at_limit(self):
        """What was bought before still counts against the limit."""
        client, _, zone, quantity, _ = self.said[1]
        equal(client.reserve(zone, 4 - quantity + 1).error, "MAX_PER_USER_EXCEEDED")


def test_one_two_three_one():
    """1 -> 2 -> 3 -> 1 shards, stopped in order or killed in between: every booking, count,
    key and limit is as before, and selling goes on."""
    engine = Engine(shards=1, ttl=600).start()
    sale = Sale(engine, seats=(500, 500, 500), max_per_user=4)
    buyers = Buyers(engine, sale)
    before = buyers.look()
    for shards, kill in ((2, True), (3, False), (1, True), (1, True)):
        if kill:
            engine.kill()
        else:
            equal(engine.stop(), 0, "exit")
        resharded = engine.shards != shards
        engine.shards = shards
        engine.start()
        equal(engine.events("recovered")[0]["resharded"], resharded, f"at {shards} shards")
        equal(buyers.look(), before, f"at {shards} shards")
        buyers.repeat()
        buyers.at_limit()
        stranger = buyer(engine)
        for zone in sale.zones:
            booking = stranger.reserve(zone).data["booking_id"]
            equal(stranger.cancel(booking).status, 200, f"selling at {shards} shards")
        equal(buyers.look(), before, f"after selling at {shards} shards")
    equal(engine.stop(), 0, "exit")
    engine.boxreplay("verify")
    equal(Model().fold(log.records(engine)).violations, [])


def test_crash_while_resharding():
    """PR2: killed at any named point while the data is dealt anew, the next start finishes it."""
    engine = Engine(shards=1, ttl=600).start()
    sale = Sale(engine, seats=(500, 500), max_per_user=4)
    buyers = Buyers(engine, sale)
    before = buyers.look()
    engine.kill()
    struck = 0
    for number, point in enumerate(crash_points()):
        engine.shards = 2 - number % 2
        if engine.start_struck(f"{point}:1"):
            struck += 1
            if number % 3 == 0:
                engine.shards = 3 - engine.shards  # the operator changes his mind
        engine.kill()
        engine.start()
        equal(buyers.look(), before, f"after a crash at {point}")
        engine.kill()
    check(struck >= 3, f"only {struck} points struck")
    engine.start()
    buyers.repeat()
    equal(engine.stop(), 0, "exit")
    engine.boxreplay("verify")


def test_reshard_under_load():
    """Killed under load and started with another count, again and again, no reservation that
    was answered is missing and none is sold twice."""
    engine = Engine(shards=1, ttl=600).start()
    sale = Sale(engine, seats=(40, 20000), max_per_user=4)
    story = Story(engine, sale.zones, retry=True, seed=9, think=0.01).begin(16)
    for shards in (2, 1, 2, 3, 1):
        time.sleep(0.4)
        engine.kill()
        engine.shards = shards
        engine.start()
    time.sleep(0.3)
    story.end()
    story.check_kept()
    equal(engine.stop(), 0, "exit")
    model = Model().fold(log.records(engine))
    equal(model.violations, [])
    check(len(model.bookings) > 100, "too little happened")
    engine.boxreplay("verify")


if __name__ == "__main__":
    main(globals())
