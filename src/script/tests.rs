//! What scripts can and cannot do: conversions, libraries, and a corpus of attempts to get out of the sandbox.

use super::{Call, Ended, Host, Refusal, Scripts, Shared};
use crate::resp::{Args, CommandError, Output, OwnedArgs, Proto, Reply};
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

/// A server that knows three commands.
#[derive(Default)]
struct Echo {
    calls: usize,
    out: Output,
}

impl Host for Echo {
    fn call(
        &mut self,
        args: Args<'_>,
        _: Proto,
        reply: &mut Vec<u8>,
        may_write: &dyn Fn() -> bool,
    ) -> Result<(), Refusal> {
        self.calls += 1;
        match args.arg(0) {
            b"echo" => {
                reply.extend_from_slice(format!("${}\r\n", args.arg(1).len()).as_bytes());
                reply.extend_from_slice(args.arg(1));
                reply.extend_from_slice(b"\r\n");
            }
            b"count" => reply.extend_from_slice(format!(":{}\r\n", args.len()).as_bytes()),
            b"raw" => reply.extend_from_slice(args.arg(1)),
            b"elsewhere" => return Err(Refusal::Elsewhere),
            b"write" if !may_write() => return Err(Refusal::Killed),
            b"write" => reply.extend_from_slice(b"+OK\r\n"),
            _ => return Err(Refusal::Error(CommandError::SYNTAX)),
        }
        Ok(())
    }

    fn set_reach(&mut self, _: bool, _: bool) {}
    fn may_call(&mut self, _: Args<'_>) -> Option<bool> {
        None
    }

    fn described(&self) -> (Vec<u8>, OwnedArgs) {
        Default::default()
    }

    fn reply(&mut self, write: &mut dyn FnMut(&mut Reply<'_>)) {
        write(&mut Reply::new(&mut self.out, Proto::Resp2));
    }

    fn breathe(&mut self) {}
}

struct Bench {
    scripts: Scripts,
    now: Rc<Cell<u64>>,
}

impl Bench {
    fn new() -> Bench {
        Bench::of_shard(&Arc::new(Shared::new(1)), 0)
    }

    fn of_shard(shared: &Arc<Shared>, shard: usize) -> Bench {
        let now = Rc::new(Cell::new(0));
        let clock = Rc::clone(&now);
        // Time goes on by itself, a millisecond a look.
        let scripts = Scripts::new(Arc::clone(shared), shard, 1, move || {
            clock.set(clock.get() + 1000);
            clock.get()
        });
        Bench { scripts, now }
    }

    fn run(&self, code: &str) -> String {
        self.run_with(code, &["k1", "k2"])
    }

    fn run_with(&self, code: &str, keys: &[&str]) -> String {
        let keys: OwnedArgs = keys.iter().copied().collect();
        let script = match self.scripts.by_text(code.as_bytes()) {
            Ok(script) => script,
            Err(error) => return format!("{error:?}"),
        };
        let call = Call {
            name: b"sha",
            keys: keys.as_args(),
            args: keys.as_args().from(1),
            busy_us: 10_000,
        };
        let mut host = Echo::default();
        match self.scripts.eval(&script, &call, &mut host) {
            Ok(Ended::Returned) => host.out.bytes.escape_ascii().to_string(),
            Ok(Ended::Failed(error)) | Err(error) => {
                format!("-{}", String::from_utf8_lossy(error.text()))
            }
            Ok(Ended::Elsewhere) => "elsewhere".into(),
        }
    }

    #[track_caller]
    fn check(&self, code: &str, reply: &str) {
        assert_eq!(self.run(code), reply, "{code}");
    }

    /// Fails, with this in its message, and the interpreter is none the worse for it.
    #[track_caller]
    fn refused(&self, code: &str, text: &str) {
        let reply = self.run(code);
        assert!(
            reply.starts_with('-') && reply.contains(text),
            "{code}: {reply}"
        );
        self.intact(code);
    }

    #[track_caller]
    fn intact(&self, after: &str) {
        let probe = "local n = 0 for _ in pairs(_G) do n = n + 1 end
            return {n, ('x'):upper(), redis.call('echo', 'e'), tostring(rawget(_G, 'leak')), cjson.encode({1})}";
        assert_eq!(
            self.run(probe),
            r"*5\r\n:36\r\n$1\r\nX\r\n$1\r\ne\r\n$3\r\nnil\r\n$3\r\n[1]\r\n",
            "after {after}"
        );
    }
}

#[test]
fn values_go_both_ways() {
    let bench = Bench::new();
    bench.check("return 3.99", r":3\r\n");
    bench.check(
        "return {1, 'a', {2}, nil, 5}",
        r"*3\r\n:1\r\n$1\r\na\r\n*1\r\n:2\r\n",
    );
    bench.check("return true", r":1\r\n");
    bench.check("return false", r"$-1\r\n");
    bench.check(
        "return redis.call('raw', '*2\\r\\n:1\\r\\n$-1\\r\\n')[2]",
        r"$-1\r\n",
    );
    bench.check("return redis.call('raw', '+fine\\r\\n')", r"+fine\r\n");
    bench.check(
        "return redis.call('raw', '%1\\r\\n+k\\r\\n:5\\r\\n').map.x == nil",
        r":1\r\n",
    );
    bench.check("return redis.call('raw', ',1.5\\r\\n')", r"$3\r\n1.5\r\n");
    bench.check("return redis.call('raw', '#t\\r\\n')", r":1\r\n");
    bench.check(
        "return redis.pcall('raw', '-CODE text\\r\\n')",
        "-CODE text",
    );
    bench.check("return {map = {a = 1}}", r"*2\r\n$1\r\na\r\n:1\r\n");
    bench.check("return {set = {a = true}}", r"*1\r\n$1\r\na\r\n");
    bench.check(
        "return {verbatim_string = {format = 'txt', string = 'abc'}}",
        r"$3\r\nabc\r\n",
    );
    bench.check("return redis.call('count', 'a', 1, 1.5, 1e20)", r":5\r\n");
    bench.check("return redis.call('echo', 0.1)", r"$3\r\n0.1\r\n");
    bench.check(
        "return {KEYS[1], KEYS[2], ARGV[1]}",
        r"*3\r\n$2\r\nk1\r\n$2\r\nk2\r\n$2\r\nk2\r\n",
    );
    let nested = bench.run("local t = {} t[1] = t return t");
    assert!(nested.ends_with(r"-ERR reached lua stack limit\r\n"));
}

#[test]
fn errors_say_where() {
    let bench = Bench::new();
    bench.check(
        "error('x')",
        "-ERR user_script:1: x script: sha, on @user_script:1.",
    );
    bench.check(
        "\nerror({err = 'C x'})",
        "-C x script: sha, on @user_script:2.",
    );
    bench.check(
        "return redis.call('nope')",
        "-ERR syntax error script: sha, on @user_script:1.",
    );
    bench.check(
        "local ok, e = pcall(redis.call, 'nope') return e",
        r"$16\r\nERR syntax error\r\n",
    );
    bench.check(
        "local ok, e = pcall(error, {err = 'E'}) return e",
        r"$1\r\nE\r\n",
    );
    bench.check(
        "local ok, e = xpcall(function() redis.call('nope') end, function(e) return e.err .. '!' end) return e",
        r"$17\r\nERR syntax error!\r\n",
    );
    bench.check(
        "local co = coroutine.create(function() redis.call('nope') end)
         local ok, e = coroutine.resume(co) return e",
        r"$16\r\nERR syntax error\r\n",
    );
}

#[test]
fn libraries() {
    with_room(check_libraries);
}

/// With the stack that a shard has.
fn with_room(test: fn()) {
    let thread = std::thread::Builder::new().stack_size(crate::base::limits::SHARD_STACK_BYTES);
    thread.spawn(test).unwrap().join().unwrap();
}

fn check_libraries() {
    let bench = Bench::new();
    let text = |code: &str, expected: &str| {
        let reply = format!(r"${}\r\n{}\r\n", expected.len(), expected.escape_default());
        bench.check(
            code,
            &reply
                .replace("\\\\\"", "\\\\\\\"")
                .replace("\\\\\\\"", "\\\""),
        );
    };
    text(
        "return cjson.encode({a = {1, 2, 3.5}})",
        "{\"a\":[1,2,3.5]}",
    );
    text(
        "return cjson.encode({[1] = 1, [2] = cjson.null})",
        "[1,null]",
    );
    text("return cjson.encode({})", "{}");
    text("return cjson.encode(1e100)", "1e+100");
    text("return cjson.encode(0.1)", "0.1");
    text(
        "return cjson.encode(cjson.decode('[1, 2.5, true, null, {\"x\": []}]'))",
        "[1,2.5,true,null,{\"x\":{}}]",
    );
    text(
        "return cjson.decode('\"\\\\u00e9\\\\ud83d\\\\ude00\"') == '\\195\\169\\240\\159\\152\\128' and 'yes'",
        "yes",
    );
    bench.refused(
        "cjson.decode('[1')",
        "Expected comma or array end but found T_END at character 3",
    );
    bench.refused(
        "cjson.decode('x')",
        "Expected value but found invalid token at character 1",
    );
    bench.refused(
        "cjson.encode({[1] = 1, [100] = 1})",
        "excessively sparse array",
    );
    bench.refused("cjson.encode(function() end)", "type not supported");
    bench.refused("local t = {} t.x = t cjson.encode(t)", "excessive nesting");
    text(
        "return cmsgpack.pack({1, 2, 'a'}) == '\\147\\1\\2\\161a' and 'yes'",
        "yes",
    );
    text(
        "local v = cmsgpack.unpack(cmsgpack.pack({a = {1, -5, 70000, 1.5, true}})) return table.concat({v.a[1], v.a[2], v.a[3], v.a[4], tostring(v.a[5])}, ' ')",
        "1 -5 70000 1.5 true",
    );
    bench.refused("cmsgpack.unpack('\\147')", "Missing bytes in input.");
    bench.refused("cmsgpack.unpack('\\193')", "Bad data format in input.");
    bench.refused(
        "cmsgpack.unpack(string.rep('\\145', 5000))",
        "stack overflow",
    );
    text(
        "return struct.pack('>HIb', 258, 1, -1) == '\\1\\2\\0\\0\\0\\1\\255' and 'yes'",
        "yes",
    );
    text(
        "return table.concat({struct.unpack('>Hbc0', struct.pack('>Hbc0', 7, 3, 'abc'))}, ' ')",
        "7 abc 7",
    );
    bench.refused("struct.unpack('I', 'ab')", "data string too short");
    bench.refused(
        "struct.pack('i99', 1)",
        "integral size 99 is larger than limit of 32",
    );
    bench.refused("struct.unpack('c0', 'a', 2^60)", "needs a previous size");
    bench.check(
        "return struct.size('c2147483647c2147483647')",
        r":4294967294\r\n",
    );
    bench.refused("struct.size('c2147483648')", "integral size overflow");
    bench.check("return {bit.band(7, 13), bit.bor(1, 8), bit.bxor(5, 1), bit.lshift(1, 31), bit.tobit(2^32 + 5)}",
        r"*5\r\n:5\r\n:9\r\n:4\r\n:-2147483648\r\n:5\r\n");
    text("return bit.tohex(255, 4) .. bit.tohex(-1)", "00ffffffffff");
    text(
        "return redis.sha1hex('')",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    );
    text(
        "return tostring(type(os.clock())) .. tostring(os.time)",
        "numbernil",
    );
    bench.check(
        "math.randomseed(10) return {math.random(100), math.random(100)}",
        r"*2\r\n:88\r\n:80\r\n",
    );
}

#[test]
fn attempts_to_change_what_others_see() {
    let bench = Bench::new();
    for code in [
        "leak = 1",
        "_G.leak = 1",
        "rawset(_G, 'leak', 1)",
        "setmetatable(_G, {})",
        "setmetatable(_G, nil)",
        "getmetatable(_G).__index = {}",
        "getmetatable(_G).__newindex = nil",
        "rawset(getmetatable(_G), '__index', {})",
        "redis.call = error",
        "redis = {}",
        "rawset(redis, 'call', 1)",
        "table.insert(redis, 1)",
        "table.insert(_G, 1, 1)",
        "string.upper = string.lower",
        "getmetatable('').__index = {}",
        "rawset(getmetatable(''), '__index', {})",
        "getmetatable('').__index.upper = string.lower",
        "rawset(getmetatable('').__index, 'upper', string.lower)",
        "for k, v in pairs(_G) do if k == 'string' then v.upper = 1 end end",
        "local next, t = pairs(redis) t.call = 1",
        "local next, t = pairs(redis) rawset(t, 'call', 1)",
        "cjson.encode = 1",
        "coroutine.wrap(function() redis.call = 1 end)()",
        "loadstring('redis.call = 1')()",
        "loadstring('leak = 1')()",
        "load(coroutine.wrap(function() coroutine.yield('leak') coroutine.yield('= 1') end))()",
        "setmetatable(redis, {__index = {}})",
        "table.sort(setmetatable({3, 2, 1}, {}), function() leak = 1 end)",
        "xpcall(error, function() leak = 1 end) leak = 1",
    ] {
        bench.refused(code, "Attempt to modify a readonly table");
    }
    for code in [
        "return print",
        "return dofile",
        "return loadfile",
        "return require",
        "return module",
        "return package",
        "return debug",
        "return io",
        "return newproxy",
        "return getfenv",
        "return setfenv",
        "return os.execute()",
        "return jit",
    ] {
        let reply = bench.run(code);
        assert!(reply.starts_with("-ERR user_script:1: "), "{code}: {reply}");
        bench.intact(code);
    }
    bench.check("KEYS[1] = 'x' KEYS.leak = 1 return KEYS[1]", r"$1\r\nx\r\n");
    bench.check("return tostring(KEYS.leak)", r"$3\r\nnil\r\n");
    bench.check("return tostring(getmetatable(redis))", r"$5\r\nfalse\r\n");
    bench.check(
        "return {pcall(setmetatable, {}, redis)}",
        r"*2\r\n:1\r\n*0\r\n",
    );
}

#[test]
fn attempts_to_break_the_interpreter() {
    with_room(check_interpreter);
}

fn check_interpreter() {
    let bench = Bench::new();
    // Bytecode.
    bench.check(
        "return {loadstring(string.dump(function() return 1 end))}",
        r"*0\r\n",
    );
    bench.check(
        "local f, e = loadstring('\\27Lua') return e",
        r"$22\r\nbytecode is not loaded\r\n",
    );
    bench.check(
        "local f, e = load(coroutine.wrap(function() coroutine.yield('\\27') coroutine.yield('Lua') end)) return e",
        r"$22\r\nbytecode is not loaded\r\n",
    );
    // The collector while source is compiled, and chunk names.
    bench.check(
        "local f = load(coroutine.wrap(function() collectgarbage() coroutine.yield('return ') collectgarbage() coroutine.yield('7') end)) return f()",
        r":7\r\n",
    );
    bench.check("for i = 1, 200 do loadstring('return ' .. i, string.rep('n', i * 100)) end collectgarbage('stop') return collectgarbage('count') > 0", r":1\r\n");
    bench.check(
        "local f, e = loadstring('x x', '=a\\0b') return e",
        r"$27\r\nab:1: \'=\' expected near \'x\'\r\n",
    );
    // Ranges.
    bench.refused("unpack({}, 1, 1e8)", "too many results to unpack");
    bench.refused("unpack({}, 0, 2^31 - 1)", "too many results to unpack");
    bench.refused("unpack({}, -2^31, 2^31 - 1)", "too many results to unpack");
    bench.refused(
        "unpack({}, -2^63, -2^63 + 10)",
        "too many results to unpack",
    );
    bench.check("return {unpack({}, 1, 0/0)}", r"*0\r\n");
    bench.check("return {unpack({}, 2^31, 1)}", r"*0\r\n");
    bench.refused("table.insert({}, -2147483648, 1)", "position out of bounds");
    bench.refused("string.rep('x', 2^40)", "resulting string too large");
    bench.check("return #string.rep('', 2^53)", r":0\r\n");
    bench.refused(
        "string.find(string.rep('a', 100), string.rep('a?', 100000))",
        "pattern too complex",
    );
    bench.refused("('a'):match(string.rep('(', 20000))", "pattern too complex");
    // Depth.
    bench.refused(
        "local function f() return 1 + f() end f()",
        "stack overflow",
    );
    bench.refused(
        "local function f() coroutine.wrap(f)() end f()",
        "C stack overflow",
    );
    bench.refused(
        "local function f() return pcall(f) end return error(select(2, f()))",
        "",
    );
    bench.refused("local t = {} setmetatable(t, {__index = function(_, k) return t[k .. 'x'] end}) return t.a", "stack overflow");
    bench.refused(
        &format!("return {}1{}", "(".repeat(500), ")".repeat(500)),
        "too many",
    );
    bench.refused(
        &format!("return {}{}", "{".repeat(500), "}".repeat(500)),
        "too many",
    );
    bench.refused(
        "local f = loadstring(string.rep('(', 1000) .. '1' .. string.rep(')', 1000)) f()",
        "",
    );
    bench.check(
        "local f, e = loadstring('return [' .. string.rep('=', 100000) .. '[x') return f == nil",
        r":1\r\n",
    );
    // Memory.
    bench.refused(
        "local t = {} while true do t[#t + 1] = string.rep('x', 64 * 1024 * 1024) .. #t end",
        "not enough memory",
    );
    // More arguments than references from outside.
    bench.refused(
        "local t = {} for i = 1, 7999 do t[i] = 'x' end return redis.call(unpack(t))",
        "",
    );
    bench.check(
        "local t = {'count'} for i = 2, 7000 do t[i] = 'x' .. i end return redis.call(unpack(t))",
        r":7000\r\n",
    );
    bench.check("local t = {} for i = 1, 20000 do t[i] = 'x' .. i end return #cjson.decode(cjson.encode(t))", r":20000\r\n");
    bench.check("local t = {} for i = 1, 20000 do t['k' .. i] = 'x' .. i end local n = 0 for _ in pairs(cmsgpack.unpack(cmsgpack.pack(t))) do n = n + 1 end return n", r":20000\r\n");
    // The context of another script.
    bench.check(
        "return tostring(redis.pcall)",
        &bench.run("return tostring(redis.pcall)"),
    );
    bench.intact("all");
}

#[test]
fn a_script_that_is_stopped_stays_stopped() {
    let bench = Bench::new();
    bench.check("redis.call('elsewhere') return 1", "elsewhere");
    bench.check(
        "pcall(redis.call, 'elsewhere') while true do pcall(redis.call, 'echo', 'x') end",
        "elsewhere",
    );
    bench.check(
        "coroutine.wrap(function() while true do pcall(redis.call, 'elsewhere') end end)()",
        "elsewhere",
    );
    bench.check("while true do xpcall(function() redis.call('elsewhere') end, function() while true do end end) end", "elsewhere");
    bench.intact("stopping");
}

#[test]
fn a_slow_script_is_killed_unless_it_wrote() {
    let shared = |bench: &Bench| Arc::clone(&bench.scripts.shared);
    // The clock of this bench looks in: as soon as the script is slow it is told to die.
    let killed = |code: &str| {
        let bench = Bench::new();
        let shared = shared(&bench);
        let clock = Cell::new(0_u64);
        let inner = Arc::clone(&shared);
        let verdict = Rc::new(Cell::new(None));
        let heard = Rc::clone(&verdict);
        let scripts = Scripts::new(Arc::clone(&shared), 0, 1, move || {
            clock.set(clock.get() + 1000);
            if inner.any_slow() {
                heard.set(Some(inner.kill(false)));
            }
            if clock.get() > 300_000 {
                inner.stop();
            }
            clock.get()
        });
        let bench = Bench {
            scripts,
            now: bench.now,
        };
        let reply = bench.run(code);
        assert!(!bench.scripts.shared.any_slow(), "over");
        (reply, verdict.get())
    };
    let (reply, verdict) = killed("while true do end");
    assert_eq!(verdict, Some(Ok(())));
    assert_eq!(
        reply,
        "-ERR Script killed by user with SCRIPT KILL... script: sha, on @user_script:1."
    );
    let (reply, _) = killed("while true do pcall(function() while true do end end) end");
    assert!(reply.contains("killed by user"), "{reply}");
    let (reply, _) = killed("coroutine.wrap(function() while true do end end)()");
    assert!(reply.contains("killed by user"), "{reply}");
    // What native functions do in between counts.
    for code in [
        "('a'):rep(40):find(('a?'):rep(40) .. ('a'):rep(40))",
        "('a'):rep(20000):match('.-.-.-.-b')",
        "for word in ('a'):rep(20000):gmatch('.-.-.-.-b') do end",
        "('a'):rep(20000):gsub('.-.-.-.-b', '')",
        "pcall(string.find, ('a'):rep(20000), '.-.-.-.-b') while true do end",
        "coroutine.wrap(function() ('a'):rep(20000):find('.-.-.-.-b') end)()",
        "local t = {} for i = 1, 100000 do t[i] = i end while true do table.insert(t, 1, 1) table.remove(t, 1) end",
        "local s = ('a'):rep(1000000) while true do s:upper() end",
        "local t = {} for i = 1, 3000 do t[i] = i * 7919 % 1000 end while true do table.sort(t) end",
        "local t = {} for i = 1, 10000 do t[i] = i end while true do cjson.decode(cjson.encode(t)) end",
        "local t = {} for i = 1, 10000 do t[i] = i end while true do cmsgpack.unpack(cmsgpack.pack(t)) end",
    ] {
        let (reply, verdict) = killed(code);
        assert_eq!(verdict, Some(Ok(())), "{code}");
        assert!(reply.contains("killed by user"), "{code}: {reply}");
        assert!(reply.contains("on @user_script:1."), "{code}: {reply}");
    }
    let (reply, _) =
        killed("while true do local ok = pcall(string.rep, 'x', 10) redis.pcall('write') end");
    assert!(reply.contains("shutting down"), "{reply}");
    let (_, verdict) = killed("redis.call('write') while true do end");
    assert_eq!(verdict, Some(Err(super::KillError::Unkillable)));
}

#[test]
fn settings_of_cjson_are_those_of_all_interpreters() {
    let shared = Arc::new(Shared::new(2));
    let (one, other) = (Bench::of_shard(&shared, 0), Bench::of_shard(&shared, 1));
    let encode = "return cjson.encode({[1] = 1, [30] = 3})";
    other.refused(encode, "excessively sparse array");
    one.run("cjson.encode_sparse_array(true)");
    assert!(other.run(encode).starts_with('$'));
    shared.flush_scripts();
    other.refused(encode, "excessively sparse array");
}

/// Both interpreters run this with a seed and say what came of it. Patterns are made of what patterns are made of.
const PATTERNS: &str = r##"
local seed = SEED
local function random(n)
  seed = (seed * 16807) % 2147483647
  return seed % n + 1
end
local items = { "a", "b", ".", "%a", "%d", "%S", "%s", "[ab]", "[^a]", "[a-c%d]", "[]a]", "[^]]", "[%]b-]", "%b()", "%f[%w]",
  "(", ")", "()", "%1", "%2", "*", "+", "-", "?", "^", "$", "%", "[", "]", "%z", "\0", "%.", "%%", "(a*)", "(.-)", "x", "%A", "%U" }
local letters = { "a", "b", "c", "x", "(", ")", " ", "1", "]", "-", ".", "\0", "a", "b" }
local function text(from, most)
  local parts = {}
  for i = 1, random(most + 1) - 1 do
    parts[i] = from[random(#from)]
  end
  return table.concat(parts)
end
local said = {}
local function say(...)
  local parts = { select("#", ...) }
  for i = 1, select("#", ...) do
    local part = tostring((select(i, ...)))
    parts[i + 1] = part:sub(1, 400)
  end
  local line = table.concat(parts, "|")
  said[#said + 1] = line
end
local function try(what, f, ...)
  say(what, pcall(f, ...))
end
for round = 1, 1500 do
  local subject, pattern = text(letters, 12), text(items, 6)
  local from = random(18) - 6
  say(subject, pattern, from)
  try("find", function() return string.find(subject, pattern, from) end)
  try("plain", function() return string.find(subject, pattern, from, true) end)
  try("match", function() return string.match(subject, pattern, from) end)
  try("gmatch", function()
    local all = {}
    for a, b in string.gmatch(subject, pattern) do
      all[#all + 1] = tostring(a) .. "," .. tostring(b)
    end
    return table.concat(all, ";")
  end)
  try("gsub", function() return string.gsub(subject, pattern, "<%0%1>", random(4) - 1) end)
  try("text", function() return string.gsub(subject, pattern, text({ "%1", "%2", "%%", "%", "y", "%0", "\0" }, 4)) end)
  try("table", function() return string.gsub(subject, pattern, { a = "A", b = 7, [1] = "one", x = false }) end)
  try("call", function() return string.gsub(subject, pattern, function(a, b) if random(3) > 1 then return a end return b end) end)
  try("bad", function() return string.gsub(subject, pattern, function() return {} end) end)
end
try("none", function() return string.find("a") end)
try("none", function() return string.gsub("a", "b") end)
try("none", function() return string.gsub("a", "b", true) end)
try("none", function() return string.match({}, "b") end)
try("none", function() return string.gmatch("b") end)
try("number", function() return string.find(1234, 23), string.gsub(1212, 1, 9), string.match("12", "%d", "2") end)
try("many", function() return string.find("a", ("()"):rep(33)) end)
try("many", function() return string.find(("ab"):rep(40), ("(a)b"):rep(32)) end)
try("long", function() return (("xy"):rep(30000):gsub("x", "long enough ")):len() end)
try("far", function() return string.find("abc", "b", -1e10), string.find("abc", "b", 1e10), string.match("abc", "()", 4) end)
return table.concat(said, "\n")
"##;

#[test]
fn patterns_match_as_those_of_the_interpreter() {
    with_room(|| {
        let bench = Bench::new();
        for seed in [1, 77, 4711, 90_210] {
            let code = PATTERNS.replace("SEED", &seed.to_string());
            let plain = mlua::Lua::new();
            let expected = plain
                .load(&code)
                .set_name("@user_script")
                .eval::<mlua::LuaString>();
            let expected = expected.unwrap().as_bytes().escape_ascii().to_string();
            let reply = bench.run(&code);
            let (_, ours) = reply.split_once(r"\r\n").expect("a text");
            let ours = ours.strip_suffix(r"\r\n").unwrap_or(ours);
            for (ours, expected) in ours.split(r"\n").zip(expected.split(r"\n")) {
                assert_eq!(ours, expected, "seed {seed}");
            }
            assert_eq!(ours.len(), expected.len(), "seed {seed}");
        }
    });
}
