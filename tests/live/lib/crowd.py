"""Many callers in one thread. Each caller is a generator that yields what it wants to do:

    def caller(crowd):
        answer = yield Call("GET", "/api/v1/events")     # a Response or a Lost
        yield Pause(0.1)

and has one connection of its own. The crowd waits on all of them with epoll.
"""

import errno
import heapq
import itertools
import select
import socket
import time

from .client import Lost, Parser, encode


class Call:
    """A request; after it was answered, invoke_ns and return_ns say when."""

    __slots__ = ("bytes", "timeout", "invoke_ns", "return_ns")

    def __init__(self, method, path, body=None, token=None, key=None, headers=(), timeout=10.0):
        self.bytes = encode(method, path, body, token, key, headers)
        self.timeout = timeout
        self.invoke_ns = None
        self.return_ns = None


class Pause:
    __slots__ = ("seconds",)

    def __init__(self, seconds):
        self.seconds = seconds


class _Caller:
    __slots__ = ("generator", "socket", "parser", "call", "sent", "fresh", "round", "out")

    def __init__(self, generator):
        self.generator = generator
        self.socket = None
        self.parser = None
        self.call = None
        self.sent = False
        self.fresh = True
        self.round = 0
        self.out = b""


class Crowd:
    """Runs callers until all are done or `stopping` is set and each has come to an end."""

    def __init__(self, engine):
        self.engine = engine
        self.epoll = select.epoll()
        self.callers = {}
        self.alarms = []
        self.order = itertools.count()
        self.live = 0
        self.stopping = False  # a hint that callers read between calls
        self.failure = None

    def add(self, generator):
        caller = _Caller(generator)
        self.live += 1
        self._wake(caller, None, first=True)

    def run(self, seconds=None):
        """Until every caller has ended; after `seconds`, sets stopping. Raises a caller's error."""
        deadline = None if seconds is None else time.monotonic() + seconds
        while self.live and self.failure is None:
            now = time.monotonic()
            if deadline is not None and now >= deadline:
                self.stopping = True
            wait = 0.02
            if self.alarms:
                wait = max(0.0, min(wait, self.alarms[0][0] - now))
            for descriptor, _ in self.epoll.poll(wait):
                caller = self.callers.get(descriptor)
                if caller is not None:
                    self._progress(caller)
            self._alarms_due()
        if self.failure is not None:
            raise self.failure

    def close(self):
        for caller in list(self.callers.values()):
            self._drop(caller)
        self.epoll.close()

    # --- one caller ---

    def _wake(self, caller, value, first=False):
        """Gives the generator its answer and starts what it asks for next."""
        try:
            wanted = next(caller.generator) if first else caller.generator.send(value)
        except StopIteration:
            self._drop(caller)
            self.live -= 1
            return
        except Exception as error:  # a caller's own check failed: end the run with it
            self.failure = error
            return
        caller.round += 1
        if isinstance(wanted, Pause):
            caller.call = None
            self._alarm(caller, wanted.seconds)
            return
        caller.call = wanted
        self._alarm(caller, wanted.timeout)
        self._send(caller)

    def _alarm(self, caller, seconds):
        heapq.heappush(self.alarms,
                       (time.monotonic() + seconds, next(self.order), caller, caller.round))

    def _alarms_due(self):
        now = time.monotonic()
        while self.alarms and self.alarms[0][0] <= now:
            _, _, caller, round_number = heapq.heappop(self.alarms)
            if caller.round != round_number:
                continue
            if caller.call is None:
                self._wake(caller, None)
            else:
                self._lose(caller, "no answer in time")

    def _send(self, caller):
        caller.sent = False
        caller.out = caller.call.bytes
        caller.call.invoke_ns = time.monotonic_ns()
        if caller.socket is None:
            caller.socket = socket.socket()
            caller.socket.setblocking(False)
            caller.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            caller.parser = Parser()
            code = caller.socket.connect_ex(("127.0.0.1", self.engine.port))
            if code not in (0, errno.EINPROGRESS):
                self._later_lost(caller, errno.errorcode.get(code, str(code)))
                return
            self.callers[caller.socket.fileno()] = caller
            self.epoll.register(caller.socket, select.EPOLLIN | select.EPOLLOUT)
            return
        self._flush(caller)

    def _later_lost(self, caller, reason):
        # Not at once: a caller that retries without a pause would recurse without end.
        call = caller.call
        self._drop(caller)
        caller.call = call
        caller.round += 1
        self._alarm(caller, 0.002)

    def _flush(self, caller):
        """Sends what is left. False: the connection is gone and so is the call."""
        if not caller.out:
            return True
        try:
            count = caller.socket.send(caller.out)
            caller.sent = True
            caller.out = caller.out[count:]
        except BlockingIOError:
            pass
        except OSError as error:
            self._lose(caller, str(error))
            return False
        want = select.EPOLLIN | (select.EPOLLOUT if caller.out else 0)
        self.epoll.modify(caller.socket, want)
        return True

    def _progress(self, caller):
        if caller.out and not self._flush(caller):
            return
        try:
            data = caller.socket.recv(65536)
        except BlockingIOError:
            return
        except OSError as error:
            self._lose(caller, str(error))
            return
        if not data:
            self._lose(caller, "closed")
            return
        now_ns = time.monotonic_ns()
        caller.parser.feed(data)
        response = caller.parser.take()
        if response is None:
            return
        if caller.call is None:
            self.failure = AssertionError(f"an answer nobody asked for: {response!r}")
            return
        if response.headers.get("connection", "").lower() == "close":
            self._drop(caller)
        call, caller.call = caller.call, None
        call.return_ns = now_ns
        self._wake(caller, response)

    def _lose(self, caller, reason):
        call, sent = caller.call, caller.sent
        self._drop(caller)
        if call is None:
            return  # closed while idle: the next call connects again
        caller.call = None
        self._wake(caller, Lost(reason, sent=sent))

    def _drop(self, caller):
        if caller.socket is None:
            return
        descriptor = caller.socket.fileno()
        if self.callers.pop(descriptor, None) is not None:
            self.epoll.unregister(descriptor)
        caller.socket.close()
        caller.socket = None
        caller.out = b""


def race(engine, calls, timeout=30.0):
    """Sends all calls at the same moment, each on a connection opened before; the answers."""
    crowd = Crowd(engine)
    answers = [None] * len(calls)
    ready = [0]

    def racer(index, call):
        answer = yield Call("GET", "/api/v1/health", timeout=timeout)
        if isinstance(answer, Lost):
            raise AssertionError(f"racer {index} cannot connect: {answer}")
        ready[0] += 1
        while ready[0] < len(calls):
            yield Pause(0.005)
        answers[index] = yield call

    for index, call in enumerate(calls):
        crowd.add(racer(index, call))
    crowd.run()
    crowd.close()
    return answers
