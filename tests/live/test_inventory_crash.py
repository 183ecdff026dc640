#!/usr/bin/env python3
"""kill -9 under a mixed load of seats, orders, changes and blocks, again and again; judged from outside:
no seat has two holders, orders are whole, limits hold, counts are sums, the mirror equals the log."""

import random
import threading
import time

from lib import tokens
from lib.cases import check, equal, main, setting
from lib.client import new_id
from lib.crowd import Call, Crowd, Pause
from lib.engine import Engine
from lib.postgres import Mirror, Postgres
from lib.sale import Sale, buyer

ROUNDS = setting("ROUNDS", 8)
SEED = setting("SEED", 1)
LIMIT, USERS = 12, 24
LIVE = ("reserved", "confirmed")


class Load:
    """Users who do everything at random and remember what was acknowledged."""

    def __init__(self, engine):
        self.engine = engine
        self.sale = Sale(engine, seats=(80, 40), max_per_user=LIMIT)
        self.halls = [self.sale.organizer.post(f"/api/v1/shows/{self.sale.show}/zones", {
            "name": f"Hall {i}", "kind": "seated", "currency": "THB", "price": 1500,
            "rows": [{"rows": "A..F", "seats": "1..10"}]}, key=new_id()).data["id"] for i in range(2)]
        self.zones = self.halls + self.sale.zones
        self.users = [buyer(engine) for _ in range(USERS)]
        self.draw = random.Random(SEED)
        self.orders = {}     # id: user
        self.ended = {}      # booking: the status that it was said to have for good
        self.bad = []

    def item(self, zone):
        draw = self.draw
        if zone not in self.halls or draw.random() < 0.5:
            return {"zone_id": zone, "quantity": draw.randint(1, 4), "allow_split": draw.random() < 0.5}
        first = draw.randint(1, 7)
        return {"zone_id": zone, "seats": [
            f"{row}-{first + i}" for row in draw.choice("ABCDEF") for i in range(draw.randint(1, 3))]}

    def change(self, booking):
        """(verb, body) of one more change of a booking."""
        draw = self.draw
        return draw.choice((("confirm", {}), ("confirm", {"quantity": 1}), ("cancel", {}), ("release", {"quantity": 1}),
                            ("extend", {"seconds": 9}), ("exchange", {"best_available": True}),
                            ("exchange", {"zone_id": draw.choice(self.zones)}),
                            ("transfer", {"user_id": draw.choice(self.users).user})))

    def caller(self, user):
        draw = self.draw

        def ask(path, body, token=None):
            for _ in range(3):  # the same key again, as a client does that heard nothing
                answer = yield Call("POST", "/api/v1" + path, body, token or user.token, key, timeout=5.0)
                status = getattr(answer, "status", None)
                if status is not None and status >= 500 and status != 503:
                    self.bad.append((path, answer))
                if status is not None and status < 500 and answer.error != "IDEMPOTENCY_IN_PROGRESS":
                    return answer
                yield Pause(0.02)
            return None

        def said(answer):
            if answer is not None and answer.status < 300:
                data = answer.data
                for one in data.get("bookings", [data]):
                    if one.get("status") in ("cancelled", "expired", "refunded"):
                        self.ended[one["booking_id"]] = one["status"]

        while not self.crowd.stopping:
            key = new_id()
            if draw.random() < 0.4:
                answer = yield from ask("/orders", {"items": [self.item(z) for z in draw.sample(self.zones, draw.randint(1, 4))]})
                if answer is None or answer.status != 201:
                    continue
                order = answer.data["order_id"]
                self.orders[order] = user
                key = new_id()
                said((yield from ask(f"/orders/{order}/{draw.choice(('confirm', 'confirm', 'cancel'))}", {})))
                continue
            answer = yield from ask("/bookings/reserve", self.item(draw.choice(self.zones)))
            for _ in range(draw.randint(0, 3)):
                if answer is None or answer.status >= 300:
                    break
                key = new_id()
                verb, body = self.change(answer.data)
                then = yield from ask(f"/bookings/{answer.data['booking_id']}/{verb}", body)
                said(then)
                answer = then or answer
            if answer is not None and answer.status < 300 and draw.random() < 0.5:
                key = new_id()
                said((yield from ask(f"/bookings/{answer.data['booking_id']}/refund", {}, self.sale.organizer.token)))

    def round(self, seconds):
        self.crowd = Crowd(self.engine)
        for user in self.users:
            self.crowd.add(self.caller(user))
        thread = threading.Thread(target=self.crowd.run, daemon=True)
        thread.start()
        time.sleep(seconds)
        equal(self.engine.kill(), -9, "it ended by itself:\n" + self.engine.tail())
        self.crowd.stopping = True
        self.engine.start()
        thread.join(60)
        check(not thread.is_alive(), "callers without an end")
        if self.crowd.failure is not None:
            raise self.crowd.failure
        self.crowd.close()
        check(not self.bad, self.bad[:3])

    # --- from outside ---

    def bookings(self):
        found = []
        for user in self.users:
            page = 1
            while True:
                part = user.get(f"/api/v1/bookings?per_page=100&page={page}").data
                found += part
                if len(part) < 100:
                    break
                page += 1
        return found

    def judge(self):
        found = self.bookings()
        live = [one for one in found if one["status"] in LIVE]
        by_id = {one["booking_id"]: one for one in found}
        equal(len(by_id), len(found), "a booking is listed twice: bookings")
        for booking, status in self.ended.items():
            check(booking not in by_id or by_id[booking]["status"] == status, (status, by_id.get(booking)))
        self.judge_places(live)
        self.judge_users(live)
        for order, user in self.orders.items():
            data = user.get(f"/api/v1/orders/{order}").data
            statuses = {one["status"] for one in data["bookings"]} - {"refunded"}
            check(len(statuses) == 1 or not statuses & {"confirmed"}, f"an order in halves: {data}")
        origins = [one["exchanged_from"] for one in found if one["exchanged_from"]]
        equal(len(set(origins)), len(origins), "a booking was exchanged twice: origins")
        for origin in origins:
            check(origin not in by_id or by_id[origin]["status"] == "cancelled", by_id.get(origin))
        return live

    def judge_places(self, live):
        for zone in self.zones:
            here = [one for one in live if one["zone_id"] == zone]
            data = self.sale.organizer.zone(zone)
            sums = [sum(one["quantity"] for one in here if one["status"] == status) for status in LIVE]
            equal([data["reserved_seats"], data["sold_seats"]], sums, "reserved and sold of a zone")
            equal(data["available_seats"] + sum(sums), data["total_seats"], "available + reserved + sold")
            if zone not in self.halls:
                continue
            holders = {}
            for one in here:
                equal(len(one["seats"]), one["quantity"], "seats of a booking")
                for seat in one["seats"]:
                    check(seat not in holders, f"{seat}: {one} and {holders.get(seat)}")
                    holders[seat] = one
            seats = self.sale.organizer.get(f"/api/v1/zones/{zone}/seats").data
            taken = {f"{row['label']}-{seat['label']}": seat["state"] for row in seats["rows"] for seat in row["seats"]
                     if seat["state"] != "free"}
            equal(taken, {seat: {"reserved": "reserved", "confirmed": "sold"}[one["status"]] for seat, one in holders.items()},
                  "the seat map")

    def judge_users(self, live):
        for user in self.users:
            mine = sum(one["quantity"] for one in live if one["user_id"] == user.user)
            check(mine <= LIMIT, f"{mine} tickets of one user")
            summary = user.get(f"/api/v1/bookings/summary?event_id={self.sale.event}").data
            equal(summary["reserved"] + summary["confirmed"], mine, "tickets that are counted")

    def release_limits(self):
        """Everything back, so that the next round has room."""
        owners = {user.user: user for user in self.users}
        for one in self.bookings():
            if one["status"] == "confirmed":
                client, path = self.sale.organizer, f"bookings/{one['booking_id']}/refund"
            elif one["status"] == "reserved":
                client = owners[one["user_id"]]
                path = f"orders/{one['order_id']}/cancel" if one["order_id"] else f"bookings/{one['booking_id']}/cancel"
            else:
                continue
            answer = client.post(f"/api/v1/{path}", key=new_id())
            equal(answer.status, 200, repr(answer))
        for zone in self.zones:
            data = self.sale.organizer.zone(zone)
            equal(data["available_seats"], data["total_seats"], "what is free when all is given back")


def chapter(shards, rounds):
    postgres = Postgres()
    engine = Engine(shards=shards, ttl=120).start()
    load = Load(engine)
    mirror = Mirror(engine, postgres)
    kept = 0
    for number in range(rounds):
        load.round(0.4 + 0.2 * load.draw.random())
        kept += len(load.judge())
        load.release_limits()
        if number % 3 == 2:
            mirror.catch_up()
    load.judge()
    check(kept > rounds * 5, f"only {kept} bookings were ever live")
    check(len(load.orders) > rounds, f"only {len(load.orders)} orders")
    mirror.catch_up()
    done = mirror.command("diff")
    equal(done.returncode, 0, f"diff: {done.stdout}{done.stderr}")
    equal(engine.stop(), 0, "exit")
    engine.boxreplay("verify")
    postgres.stop("immediate")


def test_mixed_load():
    """One shard, killed again and again."""
    chapter(1, ROUNDS // 2)


def test_mixed_load_of_two_shards():
    """Two shards: orders and exchanges run over both logs, and a kill cuts them anywhere."""
    chapter(2, ROUNDS)


if __name__ == "__main__":
    main(globals())
