"""The string, generic, bitmap and server commands through redis-py; the port is the only argument."""

import sys
import time

import redis

r = redis.Redis(port=int(sys.argv[1]), decode_responses=True)
raw = redis.Redis(port=int(sys.argv[1]))


def fails(text, call):
    try:
        call()
    except redis.RedisError as error:
        assert text in str(error), error
    else:
        raise AssertionError("no error: " + text)


assert r.ping()
assert r.flushall()

assert r.set("k", "v")
assert r.get("k") == "v"
assert r.get("none") is None
assert r.set("k", "w", nx=True) is None
assert r.set("k", "w", xx=True, get=True) == "v"
assert r.set("k", "x", ex=100)
assert 1 <= r.ttl("k") <= 100
assert r.set("k", "y", keepttl=True) and r.ttl("k") > 0
assert r.getex("k", persist=True) == "y" and r.ttl("k") == -1
assert r.getdel("k") == "y" and r.exists("k") == 0
assert r.getset("k", "a") is None
assert r.append("k", "bc") == 3
assert r.strlen("k") == 3
assert r.getrange("k", 1, -1) == "bc"
assert r.setrange("k", 5, "z") == 6
assert raw.get("k") == b"abc\x00\x00z"
assert r.incr("n") == 1 and r.incrby("n", 10) == 11 and r.decr("n", 5) == 6
assert r.incrbyfloat("f", 2.5) == 2.5
assert r.mset({"a": 1, "b": 2, "c": 3})
assert r.mget("a", "none", "c") == ["1", None, "3"]
assert r.msetnx({"d": 4, "a": 9}) is False and r.exists("d") == 0
fails("not an integer", lambda: r.incr("k"))

assert r.expire("a", 100) and r.expire("none", 1) is False
assert r.pexpireat("a", int(time.time() * 1000) + 50000)
assert 1 <= r.pttl("a") <= 50000
assert r.persist("a") and r.ttl("a") == -1
assert r.rename("a", "a2") and r.renamenx("b", "a2") is False
fails("no such key", lambda: r.rename("none", "x"))
assert r.copy("a2", "copy") and r.get("copy") == "1"
assert r.type("a2") == "string" and r.type("none") == "none"
assert sorted(r.keys("*")) == ["a2", "b", "c", "copy", "f", "k", "n"]
assert sorted(r.scan_iter(count=2)) == sorted(r.keys())
assert r.dbsize() == 7
assert r.touch("a2", "none") == 1
assert r.unlink("a2", "copy") == 2
assert r.object("encoding", "n") == "int"
assert r.randomkey() in r.keys()
payload = raw.dump("k")
assert raw.restore("restored", 0, payload) and raw.get("restored") == raw.get("k")
fails("BUSYKEY", lambda: raw.restore("restored", 0, payload))

assert r.setbit("bits", 7, 1) == 0 and r.getbit("bits", 7) == 1
assert r.bitcount("bits") == 1 and r.bitpos("bits", 1) == 7
assert r.bitop("NOT", "inverted", "bits") == 1 and r.bitcount("inverted") == 7
assert r.bitfield("field").set("u8", 0, 255).incrby("u8", 0, 1).get("u8", 0).execute() == [0, 0, 0]

other = redis.Redis(port=int(sys.argv[1]), db=3, decode_responses=True)
assert other.set("only", "here") and r.exists("only") == 0
assert r.move("c", 3) and other.get("c") == "3"
assert r.swapdb(0, 3) and r.get("only") == "here"
assert other.flushdb() and other.dbsize() == 0

info = r.info()
assert info["redis_version"].startswith("7.") and info["role"] == "master"
assert r.config_get("databases") == {"databases": "16"}
assert r.config_set("timeout", 5) and r.config_get("timeout") == {"timeout": "5"}
assert r.config_set("timeout", 0) and r.config_resetstat()
name = r.client_setname("me") and r.client_getname()
assert name == "me"
assert any(client["name"] == "me" for client in r.client_list())
assert r.client_id() > 0
assert r.command_count() > 100 and r.command()["get"]["arity"] == 2
assert r.memory_usage("only") > 0
assert r.slowlog_reset() and r.slowlog_len() == 0 and isinstance(r.slowlog_get(), list)
seconds, micros = r.time()
assert abs(seconds - time.time()) < 100 and 0 <= micros < 1000000
assert r.lastsave() is not None
assert "Redis ver." in r.lolwut()
assert r.echo("hello") == "hello"
assert r.latency_latest() == [] if hasattr(r, "latency_latest") else True
