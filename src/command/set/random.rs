//! SPOP, SRANDMEMBER and SSCAN.

use super::{Result, limits, reply_member};
use crate::base::{I64Buf, parse_i64};
use crate::command::ctx::{Ctx, Flow};
use crate::command::generic::scan::{ScanOptions, Scanned, parse_cursor};
use crate::command::random::{Picks, reply_one};
use crate::config::KeyspaceEvents;
use crate::resp::{Args, CommandError, Output, Reply};
use crate::types::Set;

/// Takes out and replies a member at random, or so many.
pub fn spop(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let key = args.arg(1);
    match args.len() {
        2 => {}
        3 => return spop_many(cx, key, args.arg(2)),
        _ => return Err(CommandError::SYNTAX),
    }
    let edited = cx
        .db
        .modify(key, |set: &mut Set| (set.pop(cx.rng), 1))?
        .map(|edited| (edited.result, edited.emptied));
    let Some((member, emptied)) = edited else {
        cx.reply.null();
        return Ok(Flow::Done);
    };
    cx.reply.bulk_or_null(member.as_deref());
    if let Some(member) = &member {
        cx.propagate(&[b"SREM", key, member]);
    }
    tell_of_pop(cx, key, 1, emptied);
    Ok(Flow::Done)
}

fn spop_many(cx: &mut Ctx<'_>, key: &[u8], count: &[u8]) -> Result {
    let count = parse_i64(count).and_then(|count| usize::try_from(count).ok());
    let count = count.ok_or(CommandError::NOT_POSITIVE)?;
    let len = cx.db.find_as::<Set>(key)?.map_or(0, Set::len);
    let taken = count.min(len);
    cx.reply.set(taken);
    if taken == 0 {
        return Ok(Flow::Done);
    }
    let limits = limits(cx.config);
    if taken == len {
        if let Some(set) = cx.db.view_as::<Set>(key) {
            set.for_each(|member| reply_member(&mut cx.reply, member));
        }
        cx.db.remove(key);
        let name: &[u8] = match cx.config.lazyfree_lazy_server_del {
            true => b"UNLINK",
            false => b"DEL",
        };
        cx.propagate(&[name, key]);
    } else {
        let is_told = cx.propagates();
        let mut members: Vec<Vec<u8>> = Vec::new();
        let mut digits = I64Buf::new(0);
        cx.db.modify(key, |set: &mut Set| {
            set.pop_many(cx.rng, taken, limits, |member| {
                if is_told {
                    members.push(member.text(&mut digits).to_vec());
                }
                reply_member(&mut cx.reply, member);
            });
            ((), taken as u64)
        })?;
        for some in members.chunks(MEMBERS_AN_EFFECT) {
            cx.propagate_list(&[b"SREM", key], some);
        }
    }
    tell_of_pop(cx, key, taken as u64, taken == len);
    Ok(Flow::Done)
}

/// Members that one SREM takes out.
const MEMBERS_AN_EFFECT: usize = 1024;

fn tell_of_pop(cx: &mut Ctx<'_>, key: &[u8], taken: u64, emptied: bool) {
    cx.dirty += taken;
    cx.notify(KeyspaceEvents::SET, "spop", key);
    if emptied {
        cx.notify(KeyspaceEvents::GENERIC, "del", key);
    }
}

/// Replies a member at random. With a count: so many different ones, or with a negative count so many draws.
pub fn srandmember(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let key = args.arg(1);
    let picks = Picks::parse(args, None)?;
    let set = cx.db.read::<Set>(key)?;
    let Some(picks) = picks else {
        let member = set.and_then(|set| set.random(cx.rng));
        return Ok(reply_one(&mut cx.reply, member, reply_member));
    };
    let empty = Set::new();
    let set = set.unwrap_or(&empty);
    // Either of the two picks is made.
    let rng = std::cell::RefCell::new(&mut *cx.rng);
    picks.reply(
        &mut cx.reply,
        cx.config,
        set.len(),
        |reply, member, _| reply_member(reply, member),
        |count, visit| set.sample(&mut rng.borrow_mut(), count, visit),
        |visit| set.draw(&mut rng.borrow_mut(), visit),
    )
}

/// Lists some members from a cursor on; replies where to go on, and the list.
pub fn sscan(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let cursor = parse_cursor(args.arg(2)).ok_or(CommandError::INVALID_CURSOR)?;
    let Some(set) = cx.db.read::<Set>(args.arg(1))? else {
        cx.reply.array(2);
        cx.reply.bulk(b"0");
        cx.reply.array(0);
        return Ok(Flow::Done);
    };
    let options = ScanOptions::parse(args.from(3), Scanned::Elements)?;
    let mut list = Output::new();
    let mut part = Reply::new(&mut list, cx.reply.proto);
    let mut found = 0;
    let mut digits = I64Buf::new(0);
    let next = set.scan(cursor, options.count, |member| {
        if options.pattern.fits(member.text(&mut digits)) {
            reply_member(&mut part, member);
            found += 1;
        }
    });
    cx.reply.array(2);
    cx.reply.bulk(I64Buf::unsigned(next).as_bytes());
    cx.reply.array(found);
    cx.reply.append(&mut list);
    Ok(Flow::Done)
}
