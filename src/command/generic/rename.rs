//! RENAME, RENAMENX, COPY, MOVE: a value under another name or in another database.

use super::Result;
use super::keys::syntax;
use crate::base::DbIndex;
use crate::command::connection::parse_db;
use crate::command::ctx::{Ctx, Flow};
use crate::config::KeyspaceEvents;
use crate::resp::{Args, CommandError};

/// Renames a key, replacing what has the new name. Expiry and access data go along.
pub fn rename(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let (from, to) = (args.arg(1), args.arg(2));
    if cx.db.find(from).is_none() {
        return Err(CommandError::NO_SUCH_KEY);
    }
    relabel(cx, from, to);
    cx.reply.ok();
    Ok(Flow::Done)
}

/// As RENAME, unless the new name is taken; replies whether it was done.
pub fn renamenx(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let (from, to) = (args.arg(1), args.arg(2));
    if cx.db.find(from).is_none() {
        return Err(CommandError::NO_SUCH_KEY);
    }
    let is_free = cx.db.find(to).is_none();
    if is_free {
        relabel(cx, from, to);
    }
    cx.reply.integer(i64::from(is_free));
    Ok(Flow::Done)
}

/// Copies a value with its expiry; replies whether it was done.
pub fn copy(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let (from, to) = (args.arg(1), args.arg(2));
    let home = cx.db.index();
    let (mut target, mut replace) = (home, false);
    let mut at = 3;
    while at < args.len() {
        if args.is(at, "REPLACE") {
            replace = true;
            at += 1;
        } else if args.is(at, "DB") && at + 1 < args.len() {
            target = db_index(cx, args.arg(at + 1))?;
            at += 2;
        } else {
            return syntax();
        }
    }
    if cx.config.cluster_enabled && (home, target) != (DbIndex(0), DbIndex(0)) {
        return Err(CommandError::COPY_IN_CLUSTER);
    }
    if target == home && from == to {
        return Err(CommandError::SAME_OBJECT);
    }
    let is_there = cx.db.get(from).is_some();
    let mut copied = None;
    if is_there && (replace || !is_taken(cx, target, to)) {
        copied = cx.db.copy(from);
    }
    let done = copied.is_some();
    if let Some(mut copy) = copied {
        // It is a new value: it has not been idle, nor been used often.
        copy.access = None;
        cx.db.select(target);
        cx.db.insert(to, copy);
        cx.notify(KeyspaceEvents::GENERIC, "copy_to", to);
        cx.db.select(home);
        cx.dirty += 1;
    }
    cx.reply.integer(i64::from(done));
    Ok(Flow::Done)
}

/// Moves a key into another database unless its name is taken there; replies whether it was done.
pub fn move_key(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    if cx.config.cluster_enabled {
        return Err(CommandError::MOVE_IN_CLUSTER);
    }
    let key = args.arg(1);
    let home = cx.db.index();
    let target = db_index(cx, args.arg(2))?;
    if target == home {
        return Err(CommandError::SAME_OBJECT);
    }
    let is_there = cx.db.find(key).is_some();
    let mut taken = None;
    if is_there && !is_taken(cx, target, key) {
        taken = cx.db.take(key);
    }
    let done = taken.is_some();
    if let Some(value) = taken {
        cx.db.select(target);
        cx.db.insert(key, value);
        cx.db.select(home);
        cx.notify(KeyspaceEvents::GENERIC, "move_from", key);
        cx.db.select(target);
        cx.notify(KeyspaceEvents::GENERIC, "move_to", key);
        cx.db.select(home);
        cx.dirty += 1;
    }
    cx.reply.integer(i64::from(done));
    Ok(Flow::Done)
}

/// Moves what `from` holds to `to`. Nothing changes if they are the same.
fn relabel(cx: &mut Ctx<'_>, from: &[u8], to: &[u8]) {
    if from != to
        && let Some(value) = cx.db.take(from)
    {
        cx.db.insert(to, value);
        cx.dirty += 1;
        cx.notify(KeyspaceEvents::GENERIC, "rename_from", from);
        cx.notify(KeyspaceEvents::GENERIC, "rename_to", to);
    }
}

fn db_index(cx: &Ctx<'_>, text: &[u8]) -> std::result::Result<DbIndex, CommandError> {
    parse_db(text, cx.db.databases() as i64)
}

/// Whether database `target` has the key.
fn is_taken(cx: &mut Ctx<'_>, target: DbIndex, key: &[u8]) -> bool {
    let home = cx.db.index();
    cx.db.select(target);
    let is_taken = cx.db.find(key).is_some();
    cx.db.select(home);
    is_taken
}

#[cfg(test)]
mod tests {
    use crate::command::testing::check;

    #[test]
    fn a_renamed_key_keeps_its_expiry() {
        check(
            r#"
            RENAME nope x => ERR no such key
            RENAMENX nope nope => ERR no such key
            SET a 1
            PEXPIRE a 5000 => 1
            SET b 2
            RENAMENX a b => 0
            RENAME a b => OK
            GET b => "1"
            PTTL b => 5000
            EXISTS a => 0
            RENAME b b => OK
            RENAMENX b b => 0
            RENAMENX b c => 1
            PTTL c => 5000
            SET d x
            RENAME d c => OK
            PTTL c => -1
            DBSIZE => 1
            "#,
        );
    }

    #[test]
    fn an_expired_name_is_free() {
        check(
            r#"
            MSET a 1 b 2
            PEXPIRE b 10 => 1
            @wait 11
            RENAMENX a b => 1
            PTTL b => -1
            "#,
        );
    }

    #[test]
    fn a_copy_is_independent() {
        check(
            r#"
            SET a 1
            PEXPIRE a 5000 => 1
            COPY a b => 1
            PTTL b => 5000
            COPY a b => 0
            SET a 2
            COPY a b REPLACE => 1
            PTTL b => -1
            GET b => "2"
            APPEND a x => 2
            GET b => "2"
            COPY nope c => 0
            COPY a a => ERR source and destination objects are the same
            COPY nope nope DB 0 => ERR source and destination objects are the same
            COPY a a DB 1 => 1
            COPY a a DB 1 => 0
            COPY a a DB 1 REPLACE => 1
            COPY a a DB 99 => ERR DB index is out of range
            COPY a a DB 99 FOO => ERR DB index is out of range
            COPY a a DB x => ERR value is not an integer or out of range
            COPY a a DB 2147483648 => ERR value is out of range, value must between -2147483648 and 2147483647
            COPY a b DB => ERR syntax error
            COPY a b FOO => ERR syntax error
            DBSIZE => 2
            @select 1
            GET a => 2x
            DBSIZE => 1
            "#,
        );
    }

    #[test]
    fn a_key_moves_between_databases() {
        check(
            r#"
            SET a 1
            PEXPIRE a 5000 => 1
            MOVE a 0 => ERR source and destination objects are the same
            MOVE a 99 => ERR DB index is out of range
            MOVE a x => ERR value is not an integer or out of range
            MOVE nope 1 => 0
            MOVE a 1 => 1
            EXISTS a => 0
            SET a 2
            MOVE a 1 => 0
            @select 1
            PTTL a => 5000
            GET a => "1"
            "#,
        );
    }
}
