"""Pipelines, transactions, locks and many threads through redis-py; the port is the only argument."""

import sys
import threading

import redis

port = int(sys.argv[1])
r = redis.Redis(port=port, decode_responses=True)
assert r.flushall()

pipe = r.pipeline(transaction=False)
for i in range(2000):
    pipe.set(f"k{i}", i)
    pipe.get(f"k{i // 2}")
replies = pipe.execute()
assert replies[1::2] == [str(i // 2) for i in range(2000)]

pipe = r.pipeline(transaction=True)
pipe.incr("a").incr("b", 5).get("k7").mget("k1", "k2", "none").delete("k1", "k2")
assert pipe.execute() == [1, 5, "7", ["1", "2", None], 2]

pipe = r.pipeline()
pipe.set("text", "abc").incr("text").get("text")
replies = pipe.execute(raise_on_error=False)
assert replies[0] is True and isinstance(replies[1], redis.ResponseError) and replies[2] == "abc"

# WATCH: a change by someone else aborts.
with r.pipeline() as pipe:
    pipe.watch("a")
    redis.Redis(port=port).set("a", 10)
    pipe.multi()
    pipe.set("a", 11)
    try:
        pipe.execute()
        raise AssertionError("the transaction was not aborted")
    except redis.WatchError:
        pass
assert r.get("a") == "10"

failures = []


def counted(errors):
    """Optimistic increments of two keys, and a lock around a third."""
    try:
        conn = redis.Redis(port=port, decode_responses=True)
        for _ in range(20):
            def move(pipe):
                left, right = int(pipe.get("left") or 0), int(pipe.get("right") or 0)
                pipe.multi()
                pipe.set("left", left + 1)
                pipe.set("right", right - 1)
            conn.transaction(move, "left", "right")
            for j in range(10):
                conn.incr("plain")
                assert conn.set(f"own{threading.get_ident()}", j) and conn.get(
                    f"own{threading.get_ident()}") == str(j)
    except Exception as error:  # noqa: BLE001 - reported by the main thread
        errors.append(error)


threads = [threading.Thread(target=counted, args=(failures,)) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert not failures, failures
assert (r.get("left"), r.get("right"), r.get("plain")) == ("160", "-160", "1600")

# MONITOR and a second connection.
with r.monitor() as monitor:
    r.set("watched", 1)
    for command in monitor.listen():
        if command["command"].startswith("SET watched"):
            break
