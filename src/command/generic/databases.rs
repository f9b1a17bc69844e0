//! DBSIZE, FLUSHDB, FLUSHALL, SWAPDB: whole databases. Each shard does its part; the replies are merged.

use super::Result;
use super::keys::syntax;
use crate::base::{DbIndex, parse_i64};
use crate::command::ctx::{Ctx, Flow};
use crate::keyspace::FlushMode;
use crate::resp::{Args, CommandError};

/// Replies the number of keys, those included that are expired but were not noticed yet.
pub fn dbsize(cx: &mut Ctx<'_>, _: Args<'_>) -> Result {
    let len = cx.db.len();
    cx.reply.count(len);
    Ok(Flow::Done)
}

/// Removes all keys of the selected database.
pub fn flushdb(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let mode = flush_mode(args, cx.config.lazyfree_lazy_user_flush)?;
    flush(cx, mode);
    speak_once(cx);
    cx.reply.ok();
    Ok(Flow::Done)
}

/// Removes all keys of all databases.
pub fn flushall(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let mode = flush_mode(args, cx.config.lazyfree_lazy_user_flush)?;
    let selected = cx.db.index();
    for db in 0..cx.db.databases() {
        cx.db.select(DbIndex(db as u32));
        flush(cx, mode);
    }
    cx.db.select(selected);
    cx.db.note_flush_of_all();
    speak_once(cx);
    cx.reply.ok();
    Ok(Flow::Done)
}

/// Whether these are the arguments of a FLUSHALL that will be done.
pub fn will_flush_all(args: Args<'_>) -> bool {
    flush_mode(args, false).is_ok()
}

/// Exchanges the contents of two databases.
pub fn swapdb(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    if cx.config.cluster_enabled {
        return Err(CommandError::SWAPDB_IN_CLUSTER);
    }
    let one = parse_index(args.arg(1)).ok_or(CommandError::SWAPDB_FIRST)?;
    let other = parse_index(args.arg(2)).ok_or(CommandError::SWAPDB_SECOND)?;
    let (Ok(one), Ok(other)) = (u32::try_from(one), u32::try_from(other)) else {
        return Err(CommandError::DB_INDEX);
    };
    if !cx.db.swap(DbIndex(one), DbIndex(other)) {
        return Err(CommandError::DB_INDEX);
    }
    cx.dirty += 1;
    speak_once(cx);
    cx.reply.ok();
    Ok(Flow::Done)
}

/// All shards run it, and one effect is enough.
fn speak_once(cx: &mut Ctx<'_>) {
    if !cx.db.is_first() {
        cx.propagate_nothing();
    }
}

/// Flushes the selected database. It counts as a change even if it was empty: that it is empty from here on has to be
/// written down and told to replicas.
fn flush(cx: &mut Ctx<'_>, mode: FlushMode) {
    cx.dirty += (cx.db.len() as u64).max(1);
    cx.db.flush(mode);
}

fn flush_mode(args: Args<'_>, is_lazy: bool) -> std::result::Result<FlushMode, CommandError> {
    match args.len() {
        1 if is_lazy => Ok(FlushMode::Async),
        1 => Ok(FlushMode::Sync),
        2 if args.is(1, "SYNC") => Ok(FlushMode::Sync),
        2 if args.is(1, "ASYNC") => Ok(FlushMode::Async),
        _ => syntax(),
    }
}

fn parse_index(text: &[u8]) -> Option<i32> {
    parse_i64(text).and_then(|index| i32::try_from(index).ok())
}

#[cfg(test)]
mod tests {
    use crate::command::testing::check;

    #[test]
    fn databases_are_emptied() {
        for how in ["", "SYNC", "async"] {
            check(&format!(
                r#"
                MSET a 1 b 2 c 3
                @select 1
                SET d 4
                FLUSHDB {how} => OK
                DBSIZE => 0
                FLUSHDB {how} => OK
                @select 0
                DBSIZE => 3
                @select 2
                FLUSHALL {how} => OK
                @select 0
                DBSIZE => 0
                "#
            ));
        }
        check(
            r#"
            SET a 1
            FLUSHDB now => ERR syntax error
            FLUSHALL SYNC ASYNC => ERR syntax error
            DBSIZE => 1
            "#,
        );
    }

    #[test]
    fn databases_are_exchanged() {
        check(
            r#"
            MSET a 1 b 2
            SWAPDB 0 1 => OK
            DBSIZE => 0
            @select 1
            GET a => "1"
            SWAPDB 1 1 => OK
            DBSIZE => 2
            SWAPDB x 1 => ERR invalid first DB index
            SWAPDB 0 9999999999 => ERR invalid second DB index
            SWAPDB 0 99 => ERR DB index is out of range
            SWAPDB -1 0 => ERR DB index is out of range
            "#,
        );
    }
}
