//! What can be said of a script without running it.
//!
//! A script that provably touches no keys but those it declares runs where these are. The proof is a plain one over the
//! tokens of the text: every use of `redis` (or `server`) is a call of a command by a literal name whose keys, found as
//! the command table would, are `KEYS[..]` or locals that were set to that once; and nothing that could hide a call
//! (`load`, `_G`, ..) or change `KEYS` occurs. What the proof does not understand is not proven: such scripts run
//! where all keys are once they write or reach further.

/// What was found out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// All keys it touches are declared.
    pub(super) declared_only: bool,
    /// It calls no command.
    pub(super) calls_nothing: bool,
    /// It has no loops, and no functions that could call themselves: it runs through its text once at most.
    pub(super) is_brief: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a [u8]),
    Text(&'a [u8]),
    Number,
    Mark(u8),
}

/// Looks at the code of a script.
pub(super) fn of_script(code: &[u8]) -> Seen {
    let tokens = tokens(code);
    Seen {
        is_brief: is_brief(&tokens),
        ..keys_of_script(&tokens)
    }
}

/// Whether a text names PUBLISH or SPUBLISH, in any case.
pub(super) fn names_publish(text: &[u8]) -> bool {
    let mut starts = memchr::memchr2_iter(b'p', b'P', text);
    starts.any(|at| {
        let word = text.get(at..at + 7);
        word.is_some_and(|word| word.eq_ignore_ascii_case(b"publish"))
    })
}

/// Whether the functions of a library provably touch only keys that are declared when they are called. They are looked at
/// as one script with their first parameter for `KEYS`; each has to be the callback of a registration without a name of
/// its own, so that nobody but the server calls it.
pub(super) fn touches_declared_only(library: &[u8]) -> bool {
    let mut tokens = tokens(library);
    let mut keys: Option<&[u8]> = None;
    let mut callbacks = 0;
    for at in 0..tokens.len() {
        if tokens[at] != Token::Word(b"function") {
            continue;
        }
        match &tokens[..at] {
            [
                ..,
                Token::Word(b"register_function"),
                Token::Mark(b'('),
                Token::Text(_),
                Token::Mark(b','),
            ] => {}
            [
                ..,
                Token::Mark(b'{' | b','),
                Token::Word(b"callback"),
                Token::Mark(b'='),
            ] => callbacks += 1,
            _ => return false,
        }
        match tokens[at + 1..] {
            [Token::Mark(b'('), Token::Mark(b')'), ..] => {}
            [Token::Mark(b'('), Token::Word(first), ..]
                if keys.is_none_or(|keys| keys == first) =>
            {
                keys = Some(first);
                tokens[at + 2] = Token::Word(b"_");
            }
            _ => return false,
        }
    }
    let names_callback =
        |token: &&Token<'_>| matches!(token, Token::Word(b"callback") | Token::Text(b"callback"));
    if tokens.iter().filter(names_callback).count() != callbacks {
        return false;
    }
    if let Some(keys) = keys
        && keys != b"KEYS"
    {
        if tokens.contains(&Token::Word(b"KEYS")) {
            return false;
        }
        for token in &mut tokens {
            if *token == Token::Word(keys) {
                *token = Token::Word(b"KEYS");
            }
        }
    }
    keys_of_script(&tokens).declared_only
}

/// Whether the functions of a library are brief: each is given to the server where it stands, so that nobody but the server
/// calls it, and is like a script that is brief.
pub(super) fn library_is_brief(library: &[u8]) -> bool {
    let tokens = tokens(library);
    let is_function = |token: &Token<'_>| *token == Token::Word(b"function");
    let mut places = (0..tokens.len()).filter(|at| is_function(&tokens[*at]));
    if !places.all(|at| is_registered(&tokens[..at])) {
        return false;
    }
    let rest: Vec<_> = tokens.into_iter().filter(|it| !is_function(it)).collect();
    is_brief(&rest)
}

/// Whether these tokens end with a call of `redis.register_function` up to the place of the callback.
fn is_registered(before: &[Token<'_>]) -> bool {
    let names_it = |before: &[Token<'_>]| {
        matches!(
            before,
            [
                ..,
                Token::Word(b"redis" | b"server"),
                Token::Mark(b'.'),
                Token::Word(b"register_function")
            ]
        )
    };
    match before {
        [
            call @ ..,
            Token::Mark(b'('),
            Token::Text(_),
            Token::Mark(b','),
        ] => names_it(call),
        [fields @ .., Token::Word(b"callback"), Token::Mark(b'=')] => {
            let mut depth = 0_usize;
            for (at, token) in fields.iter().enumerate().rev() {
                match token {
                    Token::Mark(b'}' | b')' | b']') => depth += 1,
                    Token::Mark(b'{') if depth == 0 => {
                        let call = &fields[..at];
                        let call = call.strip_suffix(&[Token::Mark(b'(')]).unwrap_or(call);
                        return names_it(call);
                    }
                    Token::Mark(b'{' | b'(' | b'[') => match depth.checked_sub(1) {
                        Some(less) => depth = less,
                        None => return false,
                    },
                    _ => {}
                }
            }
            false
        }
        _ => false,
    }
}

/// Names of native functions that may take long.
const LASTING: [&[u8]; 6] = [b"find", b"match", b"gmatch", b"gfind", b"gsub", b"sort"];

/// Whether nothing is run twice, and all commands are ones that need nothing but keys. Native functions that call others
/// do so for no longer than what they work on; only those with patterns, and sorting, may take much longer than that.
fn is_brief(tokens: &[Token<'_>]) -> bool {
    let calls_are_plain = tokens.iter().enumerate().all(|(at, token)| {
        let Token::Word(b"redis" | b"server") = token else {
            return true;
        };
        match tokens.get(at + 1..).unwrap_or_default() {
            [
                Token::Mark(b'.'),
                Token::Word(b"call" | b"pcall"),
                Token::Mark(b'('),
                Token::Text(name),
                ..,
            ] => {
                let name = name.to_ascii_lowercase();
                let lists = [ONE_KEY, ALL_KEYS, NO_KEYS];
                let mut known = lists.into_iter().flatten();
                known.any(|known| known.as_bytes() == name)
            }
            [Token::Mark(b'.'), Token::Word(b"call" | b"pcall"), ..] => false,
            [Token::Mark(b'.'), Token::Word(_), ..] => true,
            _ => false,
        }
    });
    calls_are_plain
        && !tokens.iter().any(|token| {
            matches!(
                token,
                Token::Word(name) | Token::Text(name) if LASTING.contains(name)
            ) || matches!(
                token,
                Token::Word(
                    b"for"
                        | b"while"
                        | b"repeat"
                        | b"function"
                        | b"load"
                        | b"loadstring"
                        | b"_G"
                        | b"getmetatable"
                )
            )
        })
}

fn keys_of_script(tokens: &[Token<'_>]) -> Seen {
    let names_api = |token: &Token<'_>| matches!(token, Token::Word(b"redis" | b"server"));
    let hides = tokens.iter().any(|token| {
        matches!(
            token,
            Token::Word(
                b"_G" | b"load" | b"loadstring" | b"getfenv" | b"setfenv" | b"getmetatable"
            )
        )
    });
    if hides {
        return Seen::default();
    }
    if !tokens.iter().any(names_api) {
        return Seen {
            declared_only: true,
            calls_nothing: true,
            ..Seen::default()
        };
    }
    let aliases = aliases(tokens);
    let mut calls = false;
    let mut at = 0;
    while at < tokens.len() {
        if !names_api(&tokens[at]) {
            at += 1;
            continue;
        }
        let (Some(Token::Mark(b'.')), Some(Token::Word(member))) =
            (tokens.get(at + 1), tokens.get(at + 2))
        else {
            return Seen::default();
        };
        at += 3;
        match *member {
            b"call" | b"pcall" => {
                calls = true;
                if !is_declared(&tokens[at..], &aliases) {
                    return Seen::default();
                }
            }
            b"error_reply"
            | b"status_reply"
            | b"sha1hex"
            | b"log"
            | b"setresp"
            | b"set_repl"
            | b"replicate_commands"
            | b"register_function" => {}
            word if word.starts_with(b"LOG_") || word.starts_with(b"REPL_") => {}
            _ => return Seen::default(),
        }
    }
    let keeps_keys = !changes_keys(tokens);
    Seen {
        declared_only: keeps_keys,
        calls_nothing: keeps_keys && !calls,
        ..Seen::default()
    }
}

/// Commands whose only key is their first argument.
const ONE_KEY: &[&str] = &[
    "append",
    "decr",
    "decrby",
    "expire",
    "expireat",
    "expiretime",
    "get",
    "getbit",
    "getdel",
    "getex",
    "getrange",
    "getset",
    "hdel",
    "hexists",
    "hget",
    "hgetall",
    "hincrby",
    "hincrbyfloat",
    "hkeys",
    "hlen",
    "hmget",
    "hmset",
    "hrandfield",
    "hscan",
    "hset",
    "hsetnx",
    "hstrlen",
    "hvals",
    "incr",
    "incrby",
    "incrbyfloat",
    "lindex",
    "linsert",
    "llen",
    "lpop",
    "lpos",
    "lpush",
    "lpushx",
    "lrange",
    "lrem",
    "lset",
    "ltrim",
    "persist",
    "pexpire",
    "pexpireat",
    "pexpiretime",
    "psetex",
    "pttl",
    "rpop",
    "rpush",
    "rpushx",
    "sadd",
    "scard",
    "set",
    "setbit",
    "setex",
    "setnx",
    "setrange",
    "sismember",
    "smembers",
    "smismember",
    "spop",
    "srandmember",
    "srem",
    "sscan",
    "strlen",
    "substr",
    "ttl",
    "type",
    "xack",
    "xadd",
    "xdel",
    "xlen",
    "xrange",
    "xrevrange",
    "xtrim",
    "zadd",
    "zcard",
    "zcount",
    "zincrby",
    "zlexcount",
    "zmscore",
    "zpopmax",
    "zpopmin",
    "zrandmember",
    "zrange",
    "zrangebylex",
    "zrangebyscore",
    "zrank",
    "zrem",
    "zremrangebylex",
    "zremrangebyrank",
    "zremrangebyscore",
    "zrevrange",
    "zrevrangebylex",
    "zrevrangebyscore",
    "zrevrank",
    "zscan",
    "zscore",
    "pfadd",
    "bitcount",
    "bitpos",
    "bitfield",
    "geoadd",
    "geopos",
    "geodist",
    "geohash",
    "geosearch",
];

/// Commands whose arguments are all keys.
const ALL_KEYS: &[&str] = &[
    "del",
    "unlink",
    "exists",
    "touch",
    "mget",
    "rename",
    "renamenx",
    "sinter",
    "sunion",
    "sdiff",
    "sinterstore",
    "sunionstore",
    "sdiffstore",
    "pfcount",
    "pfmerge",
    "rpoplpush",
];

/// Commands without keys.
const NO_KEYS: &[&str] = &["ping", "echo", "time"];

/// Whether the call whose arguments begin here names its keys by declared ones.
fn is_declared(tokens: &[Token<'_>], aliases: &[&[u8]]) -> bool {
    let [Token::Mark(b'('), Token::Text(name), rest @ ..] = tokens else {
        return false;
    };
    let name = name.to_ascii_lowercase();
    let is_of = |list: &[&str]| list.iter().any(|known| known.as_bytes() == name);
    if is_of(NO_KEYS) {
        return true;
    }
    let every = is_of(ALL_KEYS);
    if !every && !is_of(ONE_KEY) {
        return false;
    }
    let mut rest = rest;
    let mut seen = 0;
    loop {
        match rest {
            [Token::Mark(b')'), ..] => return seen > 0,
            [Token::Mark(b','), after @ ..] => match declared_key(after, aliases) {
                Some(after) => {
                    seen += 1;
                    if !every {
                        return true;
                    }
                    rest = after;
                }
                None => return false,
            },
            _ => return false,
        }
    }
}

/// What follows a declared key, up to the comma or the bracket.
fn declared_key<'t, 'a>(tokens: &'t [Token<'a>], aliases: &[&[u8]]) -> Option<&'t [Token<'a>]> {
    let rest = match tokens {
        [
            Token::Word(b"KEYS"),
            Token::Mark(b'['),
            _,
            Token::Mark(b']'),
            rest @ ..,
        ] => rest,
        [Token::Word(name), rest @ ..] if aliases.contains(name) => rest,
        _ => return None,
    };
    matches!(rest, [Token::Mark(b',' | b')'), ..]).then_some(rest)
}

/// Locals that stand for a key: `local x = KEYS[n]`, named nowhere else on the left of anything.
fn aliases<'a>(tokens: &[Token<'a>]) -> Vec<&'a [u8]> {
    let mut found = Vec::new();
    for window in tokens.windows(7) {
        if let [
            Token::Word(b"local"),
            Token::Word(name),
            Token::Mark(b'='),
            Token::Word(b"KEYS"),
            Token::Mark(b'['),
            Token::Number | Token::Word(_),
            Token::Mark(b']'),
        ] = window
        {
            found.push(*name);
        }
    }
    // What follows must end the expression, and the name must not be bound anywhere else.
    found.retain(|name| {
        let mut bindings = 0;
        for (at, token) in tokens.iter().enumerate() {
            if *token != Token::Word(name) {
                continue;
            }
            let before = at.checked_sub(1).map(|at| tokens[at]);
            let binds = matches!(before, Some(Token::Word(b"local" | b"for" | b"function")))
                || matches!(tokens.get(at + 1), Some(Token::Mark(b'=')));
            if binds {
                bindings += 1;
            }
        }
        bindings == 1
            && !is_parameter(tokens, name)
            && !is_listed(tokens, name)
            && ends(tokens, name)
    });
    found
}

/// Whether the alias is the whole of what it is set to: no operator follows `KEYS[n]`.
fn ends(tokens: &[Token<'_>], name: &[u8]) -> bool {
    tokens.windows(8).all(|window| match window {
        [
            Token::Word(b"local"),
            Token::Word(known),
            _,
            Token::Word(b"KEYS"),
            _,
            _,
            _,
            next,
        ] if *known == name => {
            matches!(next, Token::Word(_) | Token::Mark(b';'))
                && !matches!(next, Token::Word(b"and" | b"or"))
        }
        _ => true,
    })
}

/// Whether a name is a parameter of any function, or a variable of any loop.
fn is_parameter(tokens: &[Token<'_>], name: &[u8]) -> bool {
    let mut inside = false;
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Word(b"function" | b"for") => inside = true,
            Token::Mark(b')') | Token::Word(b"in" | b"do") => inside = false,
            Token::Word(word) if inside && *word == name => return true,
            _ => {}
        }
        let _ = at;
    }
    false
}

/// Whether a name may stand in a list that something is assigned to (`a, x = ..`).
fn is_listed(tokens: &[Token<'_>], name: &[u8]) -> bool {
    for (at, token) in tokens.iter().enumerate() {
        if *token != Token::Word(name) {
            continue;
        }
        let mut ahead = at + 1;
        while let (Some(Token::Mark(b',')), Some(Token::Word(_))) =
            (tokens.get(ahead), tokens.get(ahead + 1))
        {
            ahead += 2;
        }
        let after_comma = at > 0 && tokens[at - 1] == Token::Mark(b',');
        if tokens.get(ahead) == Some(&Token::Mark(b'=')) && (ahead > at + 1 || after_comma) {
            return true;
        }
    }
    false
}

/// Whether `KEYS` is used other than as `KEYS[..]` that is read, or `#KEYS`.
fn changes_keys(tokens: &[Token<'_>]) -> bool {
    tokens.iter().enumerate().any(|(at, token)| {
        if *token != Token::Word(b"KEYS") {
            return false;
        }
        let counted = at > 0 && tokens[at - 1] == Token::Mark(b'#');
        match tokens.get(at + 1) {
            Some(Token::Mark(b'[')) => {
                let read = tokens.get(at + 3) == Some(&Token::Mark(b']'));
                !read || matches!(tokens.get(at + 4), Some(Token::Mark(b'=' | b',')) if assigned(tokens, at + 4))
            }
            _ => !counted,
        }
    })
}

/// Whether the mark at `at`, which follows an expression, makes it the target of an assignment: `=`, or a comma
/// outside of any bracket.
fn assigned(tokens: &[Token<'_>], at: usize) -> bool {
    if tokens[at] == Token::Mark(b'=') {
        return true;
    }
    // Within brackets a comma only separates arguments.
    let mut depth = 0_i32;
    for token in tokens[..at].iter().rev() {
        match token {
            Token::Mark(b')' | b']' | b'}') => depth += 1,
            Token::Mark(b'(' | b'[' | b'{') => {
                depth -= 1;
                if depth < 0 {
                    return false;
                }
            }
            _ => {}
        }
    }
    true
}

fn tokens(code: &[u8]) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&byte) = code.get(at) {
        let rest = &code[at..];
        at += match byte {
            b'-' if rest.starts_with(b"--") => comment(rest),
            b'[' if long_open(rest).is_some() => {
                let (len, text) = long(rest);
                tokens.push(Token::Text(text));
                len
            }
            b'"' | b'\'' => {
                let (len, text) = quoted(rest);
                tokens.push(text);
                len
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => {
                let word = |b: &&u8| b.is_ascii_alphanumeric() || **b == b'_';
                let len = rest.iter().take_while(word).count();
                tokens.push(Token::Word(&rest[..len]));
                len
            }
            b'0'..=b'9' => {
                let part = |b: &&u8| b.is_ascii_alphanumeric() || **b == b'.';
                tokens.push(Token::Number);
                rest.iter().take_while(part).count()
            }
            b'=' | b'~' | b'<' | b'>' if rest.get(1) == Some(&b'=') => {
                tokens.push(Token::Mark(b'~'));
                2
            }
            b'.' if rest.starts_with(b"..") => {
                tokens.push(Token::Mark(b'~'));
                2
            }
            b' ' | b'\t' | b'\r' | b'\n' => 1,
            other => {
                tokens.push(Token::Mark(other));
                1
            }
        };
    }
    tokens
}

/// Length of `[==[`, if the text begins with one.
fn long_open(text: &[u8]) -> Option<usize> {
    let equals = text[1..].iter().take_while(|b| **b == b'=').count();
    (text.get(1 + equals) == Some(&b'[')).then_some(equals + 2)
}

/// Length of a long string, and what is in it.
fn long(text: &[u8]) -> (usize, &[u8]) {
    let open = long_open(text).unwrap_or(2);
    let mut close = vec![b'='; open];
    close[0] = b']';
    close[open - 1] = b']';
    match memchr::memmem::find(&text[open..], &close) {
        Some(end) => (open + end + close.len(), &text[open..open + end]),
        None => (text.len(), &[]),
    }
}

fn comment(text: &[u8]) -> usize {
    let body = &text[2..];
    if body.first() == Some(&b'[') && long_open(body).is_some() {
        return 2 + long(body).0;
    }
    memchr::memchr(b'\n', text).unwrap_or(text.len())
}

/// A quoted string; with escapes in it, it is no name that we know.
fn quoted(text: &[u8]) -> (usize, Token<'_>) {
    let quote = text[0];
    let mut at = 1;
    let mut plain = true;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'\\' => {
                plain = false;
                at += 1;
            }
            _ if byte == quote => break,
            _ => {}
        }
        at += 1;
    }
    let end = at.min(text.len());
    let token = match plain {
        true => Token::Text(&text[1..end]),
        false => Token::Number,
    };
    ((end + 1).min(text.len()), token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(code: &str, declared_only: bool) {
        assert_eq!(
            of_script(code.as_bytes()).declared_only,
            declared_only,
            "{code}"
        );
    }

    #[test]
    fn proven() {
        check("return 1", true);
        check("return redis.call('get', KEYS[1])", true);
        check("return redis.call(\"DEL\", KEYS[1], KEYS[2])", true);
        check(
            "local k = KEYS[1]\nlocal v = redis.call('incr', k)\nif v == 1 then redis.pcall('expire', k, ARGV[1]) end",
            true,
        );
        check(
            "for i = 1, #KEYS do redis.call('set', KEYS[i], 'x') end return redis.status_reply('OK')",
            true,
        );
        check("-- redis.call('get', x)\nreturn redis.call('time')", true);
    }

    #[test]
    fn libraries() {
        let get = "redis.register_function('f', function(keys, args) return redis.call('get', keys[1]) end)";
        let named = "redis.register_function{function_name='g', callback=function(keys) redis.call('set', keys[1], 'x') end}";
        for code in [
            get,
            named,
            &format!("{get}\n{named}"),
            "redis.register_function('f', function() return 1 end)",
        ] {
            assert!(touches_declared_only(code.as_bytes()), "{code}");
        }
        for code in [
            "local function f(keys) return redis.call('get', keys[1]) end redis.register_function('f', f)",
            "redis.register_function('f', function(keys, args) return redis.call('get', args[1]) end)",
            "redis.register_function('f', function(keys) return redis.call('get', 'x') end)",
            "redis.register_function('f', function(keys) keys[1] = 'x' return redis.call('get', keys[1]) end)",
            "redis.register_function('f', function(a) end) redis.register_function('g', function(k) end)",
            "local t = {callback = function(keys) redis.call('get', keys[1]) end} t.callback({'x'})",
        ] {
            assert!(!touches_declared_only(code.as_bytes()), "{code}");
        }
        for code in [
            get,
            named,
            &format!("{get}\n{named}"),
            "redis.register_function({description = 'd', callback = function(a) return redis.call('incr', a[1]) end, function_name = 'f'})",
        ] {
            assert!(library_is_brief(code.as_bytes()), "{code}");
        }
        for code in [
            "redis.register_function('f', function() while true do end end)",
            "redis.register_function('f', function() return redis.call('info') end)",
            "local function f() return f() end redis.register_function('f', f)",
            "local t t = {callback = function() local _, f = next(t) return f() end} redis.register_function(t)",
            "redis.register_function('f', function() local register_function = pcall register_function('x', function() end) end)",
            "redis.register_function('f', function(redis) return redis.call('get', 'x') end)",
            "redis.register_function{function_name = 'f', flags = {callback = function() end}}",
        ] {
            assert!(!library_is_brief(code.as_bytes()), "{code}");
        }
        assert!(of_script(b"return redis.call('get', KEYS[1])").is_brief);
        for code in [
            "while true do end",
            "return redis.call('info')",
            "return redis.call(ARGV[1])",
            "local function f() f() end f()",
            "local call = redis.call return call('get', 'x')",
            "return ARGV[1]:find(ARGV[2])",
            "return string['gsub'](ARGV[1], ARGV[2], '')",
        ] {
            assert!(!of_script(code.as_bytes()).is_brief, "{code}");
        }
    }

    #[test]
    fn not_proven() {
        for code in [
            "return redis.call('get', 'k')",
            "return redis.call('get', ARGV[1])",
            "return redis.call('get', KEYS[1] .. 'x')",
            "return redis.call('del', KEYS[1], 'x')",
            "return redis.call('mget', unpack(KEYS))",
            "return redis.call(ARGV[1], KEYS[1])",
            "local call = redis.call return call('get', KEYS[1])",
            "return redis['call']('get', KEYS[1])",
            "KEYS[1] = 'x' return redis.call('get', KEYS[1])",
            "KEYS = {'x'} return redis.call('get', KEYS[1])",
            "table.insert(KEYS, 'x') return redis.call('get', KEYS[2])",
            "local k = KEYS[1] k = 'x' return redis.call('get', k)",
            "local k = KEYS[1] .. 'x' return redis.call('get', k)",
            "local k = KEYS[1] local a, k = 1, 'x' return redis.call('get', k)",
            "local k = KEYS[1] return (function(k) return redis.call('get', k) end)('x')",
            "local k = KEYS[1] for _, k in ipairs(ARGV) do redis.call('get', k) end",
            "local k = KEYS[1] or 'x' return redis.call('get', k)",
            "return loadstring(ARGV[1])()",
            "return _G['redis'].call('get', 'x')",
            "return redis.call('sort', KEYS[1], 'by', 'w_*')",
            "return redis.call('g\\101t', 'x')",
            "a, KEYS[1] = 1, 'x' return redis.call('get', KEYS[1])",
            "KEYS[1], a = 'x', 1 return redis.call('get', KEYS[1])",
        ] {
            check(code, false);
        }
    }
}
