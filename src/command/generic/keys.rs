//! DEL, UNLINK, EXISTS, TOUCH, TYPE: is a key there, and away with it.

use super::Result;
use crate::command::ctx::{Ctx, Flow};
use crate::config::KeyspaceEvents;
use crate::keyspace::Db;
use crate::resp::{Args, CommandError};

/// Removes keys; replies how many were there.
pub fn del(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let removed = if cx
        .config
        .notify_keyspace_events
        .has(KeyspaceEvents::GENERIC)
    {
        let mut removed = 0;
        for key in args.from(1) {
            if cx.db.remove(key) {
                removed += 1;
                cx.notify(KeyspaceEvents::GENERIC, "del", key);
            }
        }
        removed
    } else {
        cx.db.count_keys(args.from(1).iter(), Db::remove)
    };
    cx.dirty += removed as u64;
    cx.reply.count(removed);
    Ok(Flow::Done)
}

/// As DEL. The memory of large values is given back by others either way, so the two do not differ here.
pub fn unlink(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    del(cx, args)
}

/// Replies how many of the keys are there; a key named twice counts twice.
pub fn exists(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let present = cx.db.count_keys(args.from(1).iter(), Db::exists);
    cx.reply.count(present);
    Ok(Flow::Done)
}

/// Notes an access to each key; replies how many are there.
pub fn touch(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let present = cx.db.count_keys(args.from(1).iter(), Db::touch);
    cx.reply.count(present);
    Ok(Flow::Done)
}

/// Replies the name of the value's type, `none` without a value.
pub fn type_of(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let name = cx.db.type_name(args.arg(1)).unwrap_or("none");
    cx.reply.simple(name);
    Ok(Flow::Done)
}

/// A reply for a command whose options cannot be understood.
pub(super) fn syntax<T>() -> std::result::Result<T, CommandError> {
    Err(CommandError::SYNTAX)
}

#[cfg(test)]
mod tests {
    use crate::command::testing::check;

    #[test]
    fn keys_are_counted_and_removed() {
        check(
            r#"
            MSET a 1 b 2 c 3
            EXISTS a b nope a => 3
            TOUCH a nope => 1
            TYPE a => string
            TYPE nope => none
            DEL a nope a => 1
            UNLINK b c => 2
            EXISTS a b c => 0
            DEL => ERR wrong number of arguments for 'del' command
            "#,
        );
    }

    #[test]
    fn an_expired_key_is_not_there() {
        check(
            r#"
            SET a 1
            PEXPIRE a 10 => 1
            @wait 11
            EXISTS a => 0
            DEL a => 0
            TYPE a => none
            DBSIZE => 0
            "#,
        );
    }

    #[test]
    fn commands_of_many_keys_take_them_in_order_and_twice() {
        let (mut pairs, mut keys, mut values) = (Vec::new(), Vec::new(), Vec::new());
        for i in 0..50 {
            pairs.push(format!("key:{} {i}", i % 40));
            keys.push(format!("key:{i}"));
            values.push(match i {
                0..10 => format!("\"{}\"", i + 40),
                10..40 => format!("\"{i}\""),
                _ => "nil".to_owned(),
            });
        }
        let (pairs, keys) = (pairs.join(" "), keys.join(" "));
        let values = values.join(", ");
        check(&format!(
            "MSET {pairs}
            DBSIZE => 40
            MGET {keys} => [{values}]
            EXISTS {keys} key:0 key:0 => 42
            TOUCH {keys} => 40
            DEL {keys} key:0 => 40
            DBSIZE => 0"
        ));
    }
}
