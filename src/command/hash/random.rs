//! HRANDFIELD and HSCAN.

use super::{Result, reply_text};
use crate::base::I64Buf;
use crate::command::ctx::{Ctx, Flow};
use crate::command::generic::scan::{ScanOptions, Scanned, parse_cursor};
use crate::command::random::{Picks, reply_one};
use crate::resp::{Args, CommandError, Output, Reply};
use crate::types::{Field, Hash};

/// Replies a field at random, null without the key. With a count: so many different ones, or with a negative count
/// so many draws; WITHVALUES with their values.
pub fn hrandfield(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let (key, now) = (args.arg(1), cx.db.horizon());
    let picks = Picks::parse(args, Some("WITHVALUES"))?;
    let hash = cx.db.read::<Hash>(key)?;
    let Some(picks) = picks else {
        let field = hash.and_then(|hash| hash.random(cx.rng, now));
        let put = |reply: &mut Reply<'_>, field: Field<'_>| reply_text(reply, field.name);
        return Ok(reply_one(&mut cx.reply, field, put));
    };
    let empty = Hash::new();
    let hash = hash.unwrap_or(&empty);
    // Either of the two picks is made.
    let rng = std::cell::RefCell::new(&mut *cx.rng);
    picks.reply(
        &mut cx.reply,
        cx.config,
        hash.live_len(now),
        |reply, field: Field<'_>, with_value| {
            reply_text(reply, field.name);
            if with_value {
                reply_text(reply, field.value);
            }
        },
        |count, visit| hash.sample(&mut rng.borrow_mut(), count, now, visit),
        |visit| hash.draw(&mut rng.borrow_mut(), now, visit),
    )
}

/// Lists some fields from a cursor on, with their values unless told otherwise; replies where to go on, and the list.
pub fn hscan(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let cursor = parse_cursor(args.arg(2)).ok_or(CommandError::INVALID_CURSOR)?;
    let now = cx.db.horizon();
    let Some(hash) = cx.db.read::<Hash>(args.arg(1))? else {
        cx.reply.array(2);
        cx.reply.bulk(b"0");
        cx.reply.array(0);
        return Ok(Flow::Done);
    };
    let options = ScanOptions::parse(args.from(3), Scanned::Fields)?;
    let mut list = Output::new();
    let mut part = Reply::new(&mut list, cx.reply.proto);
    let mut found = 0;
    let mut digits = I64Buf::new(0);
    let next = hash.scan(cursor, options.count, now, |field| {
        if options.pattern.fits(field.name.text(&mut digits)) {
            reply_text(&mut part, field.name);
            found += 1;
            if !options.names_only {
                reply_text(&mut part, field.value);
                found += 1;
            }
        }
    });
    cx.reply.array(2);
    cx.reply.bulk(I64Buf::unsigned(next).as_bytes());
    cx.reply.array(found);
    cx.reply.append(&mut list);
    Ok(Flow::Done)
}
