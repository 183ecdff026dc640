#!/usr/bin/env python3
"""Reservations end on time: exactly, whoever runs or does not, and limits remember."""

import time

from lib import log, tokens
from lib.cases import check, equal, main
from lib.client import encode, wait_until
from lib.crowd import Call, race
from lib.engine import Engine
from lib.history import check_black_box, check_white_box
from lib.load import Story
from lib.model import Model
from lib.sale import Sale, buyer, unix_ms


def sleep_past(text):
    """Until an API time has passed."""
    time.sleep(max(0.0, unix_ms(text) / 1000 - time.time()))


def test_limit_remembers_what_was_bought():
    """Buy up to the limit, wait past expiry, buy again: confirmed tickets still count."""
    for shards in (1, 2):
        engine = Engine(shards=shards, ttl=1).start()
        sale = Sale(engine, seats=(100, 100), max_per_user=4)
        client = buyer(engine)
        bought = client.reserve(sale.zones[0], 2)
        equal(client.confirm(bought.data["booking_id"]).status, 200, "confirm")
        lapsed = client.reserve(sale.zones[1], 2)
        equal(lapsed.status, 201, "up to the limit")
        refused = client.reserve(sale.zones[0], 1)
        equal((refused.status, refused.error), (409, "MAX_PER_USER_EXCEEDED"))
        equal((refused.details["limit"], refused.details["held"]), (4, 4))

        sleep_past(lapsed.data["expires_at"])
        wait_until(lambda: client.reserve(sale.zones[1], 2).status == 201, 1.0,
                   "tickets that lapsed can be had again")
        equal(client.reserve(sale.zones[0], 1).error, "MAX_PER_USER_EXCEEDED", "at the limit")
        engine.kill()
        engine.start()
        sleep_past(client.booking(lapsed.data["booking_id"]).data["expires_at"])
        time.sleep(1.1)  # the second reserve lapses too
        equal(client.reserve(sale.zones[0], 3).error, "MAX_PER_USER_EXCEEDED", "after kill -9")
        equal(client.reserve(sale.zones[0], 2).status, 201, "what the limit leaves")
        engine.kill()


def test_a_thousand_lapse():
    """1,000 reservations lapse, and within a second every seat is free again: no more, no less."""
    for shards in (1, 2):
        engine = Engine(shards=shards, ttl=2).start()
        sale = Sale(engine, seats=(1500,))
        kept = buyer(engine)
        equal(kept.confirm(kept.reserve(sale.zone, 3).data["booking_id"]).status, 200, "confirm")
        calls = [Call("POST", "/api/v1/bookings/reserve", {"zone_id": sale.zone, "quantity": 1},
                      tokens.mint(engine)) for _ in range(1000)]
        answers = race(engine, calls)
        equal({answer.status for answer in answers}, {201}, "answers")
        equal(sale.counts(), (497, 1000, 3), "while held")
        sleep_past(max(answer.data["expires_at"] for answer in answers))
        wait_until(lambda: sale.counts() == (1497, 0, 3), 1.0, "all seats free again")
        time.sleep(0.3)
        equal(sale.counts(), (1497, 0, 3), "and it stays so")
        equal(engine.stop(), 0, "exit")
        model = Model().fold(log.records(engine))
        equal(model.violations, [])
        ends = [booking.status for booking in model.bookings.values()]
        equal((ends.count("expired"), ends.count("confirmed")), (1000, 1), "one end each")


def test_deadline_is_the_end():
    """I6: before the deadline a confirm succeeds, after it none does, whatever the load."""
    engine = Engine(shards=2, ttl=1).start()
    sale = Sale(engine, seats=(1000,))
    outcomes = {200: 0, 410: 0}
    for step in range(30):
        client = buyer(engine)
        booking = client.reserve(sale.zone).data
        aim = unix_ms(booking["expires_at"]) / 1000 + (step - 15) * 0.002
        time.sleep(max(0.0, aim - time.time()) if step % 5 == 0 else 0)
        sent_ms = time.time() * 1000
        answer = client.confirm(booking["booking_id"])
        back_ms = time.time() * 1000
        deadline_ms = unix_ms(booking["expires_at"])
        outcomes[answer.status] += 1
        if back_ms < deadline_ms - 1:
            equal(answer.status, 200, "before the deadline")
        if sent_ms >= deadline_ms + 1:
            equal((answer.status, answer.error), (410, "RESERVATION_EXPIRED"))
    check(outcomes[200] > 0 and outcomes[410] > 0, f"one side only: {outcomes}")
    equal(engine.stop(), 0, "exit")
    equal(Model().fold(log.records(engine)).violations, [])


def test_lapse_while_stopped():
    """CK3: what lapses while the engine is down is free at its first answer."""
    engine = Engine(ttl=1).start()
    sale = Sale(engine, seats=(4,))
    client = buyer(engine)
    booking = client.reserve(sale.zone, 4).data
    engine.kill()
    sleep_past(booking["expires_at"])
    engine.start()
    equal(client.confirm(booking["booking_id"]).error, "RESERVATION_EXPIRED", "late confirm")
    equal(buyer(engine).reserve(sale.zone, 4).status, 201, "the seats are free")
    engine.kill()


def test_pause_past_expiry():
    """PR5: paused past a deadline (SIGSTOP), no confirm gets through that was sent in time
    but read too late, and the seats go to the next."""
    engine = Engine(shards=2, ttl=1).start()
    sale = Sale(engine, seats=(4, 100))
    client, other = buyer(engine), buyer(engine)
    other.zone(sale.zone)
    booking = client.reserve(sale.zone, 4).data
    engine.pause()
    client.socket.sendall(_confirm(client, booking["booking_id"]))  # in the socket, in time
    sleep_past(booking["expires_at"])
    time.sleep(0.3)
    engine.resume()
    late = client.receive()
    equal((late.status, late.error), (410, "RESERVATION_EXPIRED"))
    equal(other.reserve(sale.zone, 4).status, 201, "the seats went to the next")
    equal(engine.stop(), 0, "exit")
    equal(Model().fold(log.records(engine)).violations, [])


def _confirm(client, booking):
    return encode("POST", f"/api/v1/bookings/{booking}/confirm", token=client.token)


def test_pauses_under_load():
    """PR5: paused again and again under load, the engine confirms nothing late and loses nothing."""
    engine = Engine(shards=2, ttl=1).start()
    sale = Sale(engine, seats=(50, 5000), max_per_user=4)
    story = Story(engine, sale.zones, seed=5, think=0.01).begin(16)
    for pause in (0.2, 1.3, 0.05, 0.7):
        time.sleep(0.3)
        engine.pause()
        time.sleep(pause)
        engine.resume()
    time.sleep(0.3)
    story.end()
    equal(engine.stop(), 0, "exit")
    wrong = check_white_box(story.ops, log.records(engine))
    wrong += check_black_box(story.ops, dict(zip(sale.zones, (50, 5000))), 4)
    check(not wrong, "\n".join(wrong[:8]))


if __name__ == "__main__":
    main(globals())
