#!/usr/bin/env python3
"""Many at the same moment: the last seat, one user's limit, one key."""

from lib import tokens
from lib.cases import check, equal, main
from lib.client import new_id
from lib.crowd import Call, race
from lib.engine import Engine
from lib.log import records
from lib.sale import Sale, buyer


def reserve_call(engine, zone, quantity=1, user=None, key=None):
    return Call("POST", "/api/v1/bookings/reserve", {"zone_id": zone, "quantity": quantity},
                tokens.mint(engine, user=user or new_id()), key)


def counted(answers):
    """How often each (status, code) was answered."""
    sums = {}
    for answer in answers:
        name = (answer.status, answer.error)
        sums[name] = sums.get(name, 0) + 1
    return sums


def zones_on_every_shard(engine, sale, seats):
    """One zone of the sale for each shard, told by the log position of a reserve."""
    found = {}
    for _ in range(60):
        zone = sale.add_zone(seats)
        probe = buyer(engine)
        answer = probe.reserve(zone)
        equal(answer.status, 201, "probe")
        equal(probe.cancel(answer.data["booking_id"]).status, 200, "probe's cancel")
        found.setdefault(answer.position[0], zone)
        if len(found) == engine.shards:
            return [found[shard] for shard in sorted(found)]
    raise AssertionError(f"zones on {len(found)} shards only")


def last_seat(shards):
    engine = Engine(shards=shards).start()
    for _ in range(3):
        sale = Sale(engine, seats=(1,))
        answers = race(engine, [reserve_call(engine, sale.zone) for _ in range(100)])
        equal(counted(answers), {(201, None): 1, (409, "INSUFFICIENT_STOCK"): 99}, "answers")
        for answer in answers:
            if answer.status == 409:
                equal((answer.details["requested"], answer.details["available"]), (1, 0))
        equal(sale.counts(), (0, 1, 0), "available, reserved, sold")
    equal(engine.stop(), 0, "exit")


def test_last_seat():
    """100 race for the last seat: one gets it, 99 hear that none is left."""
    last_seat(1)


def test_last_seat_two_shards():
    """The same where racers' homes and connections are on two shards."""
    last_seat(2)


def test_last_seat_exactly_filled():
    """100 racers for 2 tickets each fill 51 seats to 50, and the single buyer gets the last."""
    engine = Engine(shards=2).start()
    sale = Sale(engine, seats=(51,))
    answers = race(engine, [reserve_call(engine, sale.zone, 2) for _ in range(100)])
    equal(counted(answers), {(201, None): 25, (409, "INSUFFICIENT_STOCK"): 75}, "answers")
    equal(sale.counts(), (1, 50, 0), "available, reserved, sold")
    equal(buyer(engine).reserve(sale.zone).status, 201, "the last seat")


def test_one_users_limit():
    """One user in 40 places at once, over zones on both shards, gets what the limit allows."""
    engine = Engine(shards=2).start()
    sale = Sale(engine, seats=(), max_per_user=4)
    zones = zones_on_every_shard(engine, sale, 1000)
    for _ in range(10):
        user = new_id()
        answers = race(engine, [reserve_call(engine, zones[n % 2], 1, user) for n in range(40)])
        equal(counted(answers), {(201, None): 4, (409, "MAX_PER_USER_EXCEEDED"): 36}, "answers")
        shards = {answer.position[0] for answer in answers if answer.status == 201}
        check(shards <= {0, 1})


def test_same_key_a_thousand_times():
    """One key 1,000 times at once: one effect, each answer the same or `in progress`; and
    after a kill -9 the same answer still."""
    for shards in (1, 2):
        engine = Engine(shards=shards).start()
        sale = Sale(engine, seats=(10, 10))
        for zone in sale.zones:
            user, key = new_id(), new_id()
            calls = [reserve_call(engine, zone, 2, user, key) for _ in range(1000)]
            answers = race(engine, calls)
            created = [answer for answer in answers if answer.status == 201]
            check(created, "nobody was told")
            equal(len({answer.raw for answer in created}), 1, "different bodies")
            equal(sum(not answer.replayed for answer in created), 1, "first answers")
            for answer in answers:
                check(answer.status == 201 or answer.error == "IDEMPOTENCY_IN_PROGRESS",
                      f"{answer!r}")
            equal(sale.counts(zone), (8, 2, 0), "available, reserved, sold")

            engine.kill()
            engine.start()
            answers = race(engine, [reserve_call(engine, zone, 2, user, key) for _ in range(50)])
            for answer in answers:
                equal((answer.status, answer.raw), (201, created[0].raw), "after kill -9")
                check(answer.replayed, "not marked as a replay")
            equal(sale.counts(zone), (8, 2, 0), "available, reserved, sold after kill -9")
        reserved = [record for record in records(engine) if record["kind"] == "reserved"]
        equal(len(reserved), 2, "reservations in the log")
        engine.kill()


def test_key_of_another_request():
    """A key that was used for one request is refused for another, before and after a crash."""
    engine = Engine(shards=2).start()
    sale = Sale(engine, seats=(10,))
    client, key = buyer(engine), new_id()
    first = client.reserve(sale.zone, 1, key)
    for _ in range(2):
        answer = client.reserve(sale.zone, 2, key)
        equal((answer.status, answer.error), (422, "IDEMPOTENCY_KEY_REUSED"))
        answer = client.confirm(first.data["booking_id"], key=key)
        equal((answer.status, answer.error), (422, "IDEMPOTENCY_KEY_REUSED"))
        equal(client.reserve(sale.zone, 1, key).raw, first.raw, "the first request's answer")
        equal(buyer(engine).reserve(sale.zone, 1, key).replayed, False, "another user's key")
        engine.kill()
        engine.start()


def test_keys_of_ends_and_catalog():
    """Confirm, cancel and what organizers make repeat their first answer after a kill -9."""
    for shards in (1, 2):
        engine = Engine(shards=shards).start()
        sale = Sale(engine, seats=(10,))
        client = buyer(engine)
        first, second = (client.reserve(sale.zone).data["booking_id"] for _ in range(2))
        keys = [new_id() for _ in range(3)]

        def ask():
            return (client.confirm(first, key=keys[0]), client.cancel(second, key=keys[1]),
                    sale.organizer.post("/api/v1/events", {"title": "Key " + keys[2]}, keys[2]))

        before = ask()
        equal([answer.status for answer in before], [200, 200, 201], "first time")
        engine.kill()
        engine.start()
        for answer, again in zip(before, ask()):
            equal((again.status, again.raw), (answer.status, answer.raw), "after kill -9")
            check(again.replayed, f"not marked as a replay: {again!r}")
        kinds = [record["kind"] for record in records(engine)]
        equal((kinds.count("confirmed"), kinds.count("cancelled"), kinds.count("event")), (1, 1, 3))
        engine.kill()


if __name__ == "__main__":
    main(globals())
