//! INCREX: a counter with bounds and an expiry time.
//!
//! The sum has to stay within the bounds, which are those of the number's type unless told otherwise. If it does not,
//! nothing happens and the reply is the old value and 0; SATURATE takes the bound instead. Integers and floats are the
//! same to all but their arithmetic, hence the trait.

use super::Result;
use super::set::Life;
use crate::base::num::Float80;
use crate::base::{I64Buf, Millis, parse_i64};
use crate::command::ctx::{Ctx, Flow};
use crate::config::KeyspaceEvents;
use crate::keyspace::{StrInput, StrRef, Ttl};
use crate::resp::{Args, CommandError, Reply};

/// Adds to a number; replies the outcome and what was added in effect.
pub fn increx(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let options = Options::parse(args.from(2))?;
    match options.by {
        Some(By::Float(by)) => run(cx, args.arg(1), &options, Float80::operand(by)?),
        Some(By::Int(by)) => run(cx, args.arg(1), &options, i64::operand(by)?),
        None => run(cx, args.arg(1), &options, 1_i64),
    }
}

#[derive(Clone, Copy)]
enum By<'a> {
    Int(&'a [u8]),
    Float(&'a [u8]),
}

#[derive(Default)]
struct Options<'a> {
    by: Option<By<'a>>,
    least: Option<&'a [u8]>,
    most: Option<&'a [u8]>,
    saturate: bool,
    life: Life<'a>,
    /// ENX: the expiry time is set only if there is none.
    only_new_expiry: bool,
}

impl<'a> Options<'a> {
    fn parse(args: Args<'a>) -> Result<Options<'a>> {
        let mut options = Options::default();
        let mut at = 0;
        while at < args.len() {
            at += options.take(args, at).ok_or(CommandError::SYNTAX)?;
        }
        match options.life {
            Life::Until(..) => {}
            Life::Persist if options.only_new_expiry => return Err(CommandError::SYNTAX),
            _ if options.only_new_expiry => return Err(CommandError::INCREX_ENX),
            _ => {}
        }
        Ok(options)
    }

    /// Takes in the option at `args[at]`: how many arguments it has. None may be given twice.
    fn take(&mut self, args: Args<'a>, at: usize) -> Option<usize> {
        let is = |word| args.is(at, word);
        if is("SATURATE") {
            let is_first = !self.saturate;
            self.saturate = true;
            return is_first.then_some(1);
        }
        if is("ENX") {
            let is_first = !self.only_new_expiry;
            self.only_new_expiry = true;
            return is_first.then_some(1);
        }
        if is("PERSIST") {
            return (self.life == Life::Unsaid).then(|| {
                self.life = Life::Persist;
                1
            });
        }
        let value = args.get(at + 1)?;
        let is_first = if is("BYINT") {
            self.by.replace(By::Int(value)).is_none()
        } else if is("BYFLOAT") {
            self.by.replace(By::Float(value)).is_none()
        } else if is("LBOUND") {
            self.least.replace(value).is_none()
        } else if is("UBOUND") {
            self.most.replace(value).is_none()
        } else {
            self.life == Life::Unsaid && self.life.take(args, at).is_some()
        };
        is_first.then_some(2)
    }
}

/// What INCREX counts with.
trait Number: Copy + PartialOrd {
    const ZERO: Self;
    const EVENT: &'static str;
    /// The bounds of the type.
    fn bounds() -> (Self, Self);
    /// BYINT, BYFLOAT.
    fn operand(text: &[u8]) -> Result<Self>;
    /// LBOUND, UBOUND; `error` is for what is no number.
    fn bound(text: &[u8]) -> Option<Self>;
    const BOUND_ERRORS: [CommandError; 2];
    /// What a key holds.
    fn stored(text: StrRef<'_>) -> Result<Self>;
    /// The sum; `None` if the type has none.
    fn plus(self, other: Self) -> Option<Self>;
    /// What has to be added to `from` to come here.
    fn since(self, from: Self) -> Result<Self>;
    fn is_negative(self) -> bool;
    fn store(self, cx: &mut Ctx<'_>, key: &[u8], ttl: Ttl);
    fn text(self) -> Vec<u8>;
    fn reply(self, reply: &mut Reply<'_>);
}

impl Number for i64 {
    const ZERO: i64 = 0;
    const EVENT: &'static str = "incrby";
    const BOUND_ERRORS: [CommandError; 2] = [
        CommandError::INCREX_LBOUND_INTEGER,
        CommandError::INCREX_UBOUND_INTEGER,
    ];

    fn bounds() -> (i64, i64) {
        (i64::MIN, i64::MAX)
    }
    fn operand(text: &[u8]) -> Result<i64> {
        parse_i64(text).ok_or(CommandError::INCREX_BYINT)
    }
    fn bound(text: &[u8]) -> Option<i64> {
        parse_i64(text)
    }
    fn stored(text: StrRef<'_>) -> Result<i64> {
        text.as_int().ok_or(CommandError::NOT_INTEGER)
    }
    fn plus(self, other: i64) -> Option<i64> {
        self.checked_add(other)
    }
    fn since(self, from: i64) -> Result<i64> {
        self.checked_sub(from).ok_or(CommandError::INCREX_OVERFLOW)
    }
    fn is_negative(self) -> bool {
        self < 0
    }
    fn store(self, cx: &mut Ctx<'_>, key: &[u8], ttl: Ttl) {
        cx.db.set_str(key, StrInput::Int(self), ttl);
    }
    fn text(self) -> Vec<u8> {
        I64Buf::new(self).as_bytes().to_vec()
    }
    fn reply(self, reply: &mut Reply<'_>) {
        reply.integer(self);
    }
}

impl Number for Float80 {
    const ZERO: Float80 = Float80::ZERO;
    const EVENT: &'static str = "incrbyfloat";
    const BOUND_ERRORS: [CommandError; 2] = [
        CommandError::INCREX_LBOUND_FLOAT,
        CommandError::INCREX_UBOUND_FLOAT,
    ];

    fn bounds() -> (Float80, Float80) {
        (Float80::lowest(), Float80::largest())
    }
    fn operand(text: &[u8]) -> Result<Float80> {
        let value = Float80::parse(text).ok_or(CommandError::INCREX_BYFLOAT)?;
        match value.is_finite() {
            true => Ok(value),
            false => Err(CommandError::INCREX_BYFLOAT_INFINITE),
        }
    }
    fn bound(text: &[u8]) -> Option<Float80> {
        Float80::parse(text)
    }
    fn stored(text: StrRef<'_>) -> Result<Float80> {
        let mut digits = I64Buf::new(0);
        let value = Float80::parse(text.text(&mut digits)).ok_or(CommandError::NOT_FLOAT)?;
        match value.is_finite() {
            true => Ok(value),
            false => Err(CommandError::INCREX_VALUE_INFINITE),
        }
    }
    fn plus(self, other: Float80) -> Option<Float80> {
        let sum = self + other;
        sum.is_finite().then_some(sum)
    }
    fn since(self, from: Float80) -> Result<Float80> {
        let difference = self - from;
        match difference.is_finite() {
            true => Ok(difference),
            false => Err(CommandError::INCREX_INFINITE),
        }
    }
    fn is_negative(self) -> bool {
        self < Float80::ZERO
    }
    fn store(self, cx: &mut Ctx<'_>, key: &[u8], ttl: Ttl) {
        cx.db.set_str(key, StrInput::Text(&self.text()), ttl);
    }
    fn text(self) -> Vec<u8> {
        let mut text = Vec::with_capacity(24);
        self.write(&mut text);
        text
    }
    /// A double of as many digits as are kept, in RESP2 as a string.
    fn reply(self, reply: &mut Reply<'_>) {
        let mut text = Vec::with_capacity(24);
        self.write(&mut text);
        if reply.is_resp3() {
            reply.raw(b",");
            reply.raw(&text);
            reply.raw(b"\r\n");
        } else {
            reply.bulk(&text);
        }
    }
}

fn run<N: Number>(cx: &mut Ctx<'_>, key: &[u8], options: &Options<'_>, by: N) -> Result {
    let [no_least, no_most] = N::BOUND_ERRORS;
    let (lowest, highest) = N::bounds();
    let least = match options.least {
        Some(text) => N::bound(text).ok_or(no_least)?,
        None => lowest,
    };
    let most = match options.most {
        Some(text) => N::bound(text).ok_or(no_most)?,
        None => highest,
    };
    if least > most {
        return Err(CommandError::INCREX_BOUNDS);
    }
    let deadline = match options.life {
        Life::Until(clock, text) => {
            Some((clock.is_absolute(), clock.deadline(text, cx.now, "increx")?))
        }
        Life::Unsaid | Life::Keep | Life::Persist => None,
    };
    let old = match cx.db.find_str(key)? {
        Some(text) => Some(N::stored(text)?),
        None => None,
    };
    let before = old.unwrap_or(N::ZERO);
    let sum = before.plus(by);
    let is_within = sum.is_some_and(|sum| least <= sum && sum <= most);
    let after = match sum {
        Some(sum) if is_within => sum,
        _ if !options.saturate => {
            reply_pair(cx, before, N::ZERO);
            return Ok(Flow::Done);
        }
        Some(sum) if sum < least => least,
        Some(_) => most,
        // Beyond what the type has.
        None if by.is_negative() => least,
        None => most,
    };
    let added = after.since(before)?;
    finish(cx, key, options, after, deadline);
    reply_pair(cx, after, added);
    Ok(Flow::Done)
}

/// Stores the outcome with its expiry time, given whether that is absolute; one in the past deletes the key.
fn finish<N: Number>(
    cx: &mut Ctx<'_>,
    key: &[u8],
    options: &Options<'_>,
    after: N,
    deadline: Option<(bool, Millis)>,
) {
    let has_expiry = matches!(cx.db.find_expire(key), Some(Some(_)));
    let deadline = deadline.filter(|_| !(options.only_new_expiry && has_expiry));
    if let Some((true, at)) = deadline
        && at <= cx.now
    {
        cx.propagate_nothing();
        if cx.db.remove(key) {
            cx.dirty += 1;
            cx.propagate(&[b"DEL", key]);
            cx.notify(KeyspaceEvents::GENERIC, "del", key);
        }
        return;
    }
    let ttl = match deadline {
        Some((_, at)) => Ttl::At(at),
        None if options.life == Life::Persist => Ttl::Clear,
        None => Ttl::Keep,
    };
    after.store(cx, key, ttl);
    cx.dirty += 1;
    if cx.propagates() {
        let text = after.text();
        match ttl {
            Ttl::At(at) => {
                let at = I64Buf::new(at.0);
                cx.propagate(&[b"SET", key, &text, b"PXAT", at.as_bytes()]);
            }
            Ttl::Keep => cx.propagate(&[b"SET", key, &text, b"KEEPTTL"]),
            Ttl::Clear => cx.propagate(&[b"SET", key, &text]),
        }
    }
    cx.notify(KeyspaceEvents::STRING, N::EVENT, key);
    match ttl {
        Ttl::At(_) => cx.notify(KeyspaceEvents::GENERIC, "expire", key),
        Ttl::Clear if has_expiry => cx.notify(KeyspaceEvents::GENERIC, "persist", key),
        Ttl::Clear | Ttl::Keep => {}
    }
}

fn reply_pair<N: Number>(cx: &mut Ctx<'_>, value: N, added: N) {
    cx.reply.array(2);
    value.reply(&mut cx.reply);
    added.reply(&mut cx.reply);
}

#[cfg(test)]
mod tests {
    use crate::command::testing::{Bench, check};
    use crate::config::KeyspaceEvents;
    use crate::resp::Proto;

    #[test]
    fn integers_are_counted_within_bounds() {
        check(
            r#"
            INCREX k => [1, 1]
            INCREX k BYINT 5 => [6, 5]
            INCREX k BYINT -10 => [-4, -10]
            INCREX k BYINT 0 => [-4, 0]
            @dirty => 4
            SET k 10
            INCREX k BYINT 10 UBOUND 15 => [10, 0]
            INCREX k BYINT 10 UBOUND 15 SATURATE => [15, 5]
            INCREX k LBOUND 5 BYINT -11 => [15, 0]
            INCREX k LBOUND 5 BYINT -11 SATURATE => [5, -10]
            SET k 50
            INCREX k BYINT 5 UBOUND 30 SATURATE => [30, -20]
            INCREX k BYINT -25 UBOUND 4 => [30, 0]
            INCREX nope BYINT 5 LBOUND 10 => [0, 0]
            EXISTS nope => 0
            SET k 9223372036854775800
            INCREX k BYINT 9223372036854775800 => [9223372036854775800, 0]
            INCREX k BYINT 9223372036854775800 SATURATE => [9223372036854775807, 7]
            INCREX k BYINT -5 UBOUND -9223372036854775808 SATURATE => ERR applied increment would overflow
            SET k -9223372036854775800
            INCREX k BYINT -9223372036854775800 SATURATE => [-9223372036854775808, -8]
            @encoding k => int
            "#,
        );
    }

    #[test]
    fn floats_are_counted_within_bounds() {
        check(
            r#"
            SET k 1.5
            INCREX k BYFLOAT 0.25 => [1.75, 0.25]
            INCREX k BYFLOAT 1 => [2.75, "1"]
            INCREX k BYFLOAT 100 UBOUND 42.5 => [2.75, "0"]
            INCREX k BYFLOAT 100 UBOUND 42.5 SATURATE => [42.5, 39.75]
            INCREX k BYFLOAT -100 LBOUND -5.5 SATURATE => [-5.5, "-48"]
            INCREX nope BYFLOAT -0.5 UBOUND -1.5 => ["0", "0"]
            EXISTS nope => 0
            INCREX k BYFLOAT inf => ERR BYFLOAT increment cannot be Infinity
            SET k inf
            INCREX k BYFLOAT 1 => ERR value cannot be Infinity
            SET k 10
            INCREX k BYFLOAT 1 UBOUND inf => ["11", "1"]
            INCREX k BYFLOAT 1 LBOUND inf UBOUND inf => ["11", "0"]
            INCREX k BYFLOAT 1 LBOUND inf UBOUND inf SATURATE => ERR applied increment would be Infinity
            INCREX k BYFLOAT 1 LBOUND inf => ERR LBOUND can't be greater than UBOUND
            "#,
        );
        let mut bench = Bench::new(1);
        bench.proto = Proto::Resp3;
        let words = ["INCREX", "k", "BYFLOAT", "0.1"].map(str::as_bytes);
        assert_eq!(
            bench.run(&words.into_iter().collect()),
            b"*2\r\n,0.1\r\n,0.1\r\n"
        );
    }

    #[test]
    fn the_expiry_time_is_set_with_it() {
        check(
            r#"
            SET k 10
            INCREX k EX 100 => [11, 1]
            @ttl k => 100000
            INCREX k => [12, 1]
            @ttl k => 100000
            INCREX k PX 5 ENX => [13, 1]
            @ttl k => 100000
            INCREX k EXAT 1 ENX => [14, 1]
            INCREX k BYINT 100 UBOUND 20 PX 50 => [14, 0]
            @ttl k => 100000
            INCREX k PERSIST => [15, 1]
            @ttl k => none
            INCREX k PX 5000 ENX => [16, 1]
            @ttl k => 5000
            @dirty => 7
            INCREX k EXAT 1 => [17, 1]
            EXISTS k => 0
            INCREX k PXAT 1 => [1, 1]
            EXISTS k => 0
            @dirty => 1
            "#,
        );
        let mut bench = Bench::new(1);
        bench.config.notify_keyspace_events = KeyspaceEvents::ALL;
        bench.check(
            r#"
            INCREX k EX 100
            INCREX k BYFLOAT 0.5
            INCREX k PERSIST BYFLOAT 0.5
            INCREX k PERSIST
            INCREX k UBOUND 0
            INCREX k PXAT 1
            @events => [incrby k, expire k, incrbyfloat k, incrbyfloat k, persist k, incrby k, del k]
            "#,
        );
    }

    #[test]
    fn options_are_checked() {
        let mut lines = String::from("SET t x\nSADD s a\n");
        for line in [
            "FOO",
            "BYINT",
            "BYINT 1 BYFLOAT 1.5",
            "BYINT 1 BYINT 1",
            "LBOUND 0 LBOUND 1",
            "SATURATE SATURATE",
            "EX 10 PX 10",
            "EX 10 EX 10",
            "EX 10 PERSIST",
            "PERSIST EX 10",
            "PERSIST ENX",
            "ENX EX 10 ENX",
            "KEEPTTL",
        ] {
            lines.push_str(&format!("INCREX k {line} => ERR syntax error\n"));
        }
        check(&lines);
        check(
            r#"
            INCREX k ENX => ERR ENX flag requires an expiration
            INCREX k BYINT abc => ERR Increment is not an integer or out of range
            INCREX k BYFLOAT abc => ERR Increment is not a valid float
            INCREX k LBOUND 1.5 => ERR LBOUND is not an integer or out of range
            INCREX k UBOUND inf => ERR UBOUND is not an integer or out of range
            INCREX k BYFLOAT 1 LBOUND x => ERR LBOUND is not a valid float
            INCREX k BYFLOAT 1 UBOUND x => ERR UBOUND is not a valid float
            INCREX k LBOUND 2 UBOUND 1 => ERR LBOUND can't be greater than UBOUND
            INCREX k EX 0 => ERR invalid expire time in 'increx' command
            INCREX k EX x => ERR value is not an integer or out of range
            SET t x
            SADD s a
            INCREX t => ERR value is not an integer or out of range
            INCREX t BYFLOAT 1 => ERR value is not a valid float
            INCREX s => WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
