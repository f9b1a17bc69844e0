//! HIMPORT: hashes whose fields were named before.
//!
//! The names are the client's, at its core. A SET is sent to its key together with them, as one command; others are told
//! what it amounts to. Such hashes are like all others: the names are not shared between them.

use super::{Result, limits};
use crate::command::ctx::{Ctx, Flow, HomeCtx};
use crate::config::KeyspaceEvents;
use crate::keyspace::Ttl;
use crate::resp::{Args, CommandError, OwnedArgs};
use crate::session::Fieldset;
use crate::types::{FieldTtl, Hash, Kind};

/// Names a list of fields.
pub fn prepare(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    let fields = args.from(3).iter().map(<[u8]>::to_vec).collect();
    let fieldset = Fieldset::new(fields).ok_or(CommandError::HIMPORT_DUPLICATE)?;
    cx.session.fieldsets.insert(args.arg(2).into(), fieldset);
    cx.reply.ok();
    Ok(Flow::Done)
}

/// Forgets a list of fields. Replies whether it was there.
pub fn discard(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    let was_there = cx.session.fieldsets.remove(args.arg(2)).is_some();
    cx.reply.integer(was_there.into());
    Ok(Flow::Done)
}

/// Forgets all lists of fields. Replies how many there were.
pub fn discardall(cx: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    cx.reply.count(cx.session.fieldsets.len());
    cx.session.fieldsets = Default::default();
    Ok(Flow::Done)
}

/// Writes a hash of the fields of a list, in place of what the key held.
pub fn set(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    let fieldset = cx.session.fieldsets.get(args.arg(3));
    let fieldset = fieldset.ok_or(CommandError::HIMPORT_NO_FIELDSET)?;
    let values = args.from(4);
    if values.len() != fieldset.fields().len() {
        return Err(CommandError::HIMPORT_COUNT);
    }
    let head = args.first(4).iter();
    let pairs = fieldset.fields().iter().zip(values.iter());
    let mut all = OwnedArgs::new();
    head.for_each(|word| all.push(word));
    for (field, value) in pairs {
        all.push(field);
        all.push(value);
    }
    Ok(Flow::AtKeyWith(2, set_at_key, Box::new(all)))
}

/// `HIMPORT SET key name field value [field value ...]`
fn set_at_key(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let (key, pairs) = (args.arg(2), args.from(4));
    let was_there = cx.db.find_as::<Hash>(key)?.is_some();
    let (limits, now) = (limits(cx.config), cx.db.horizon());
    let mut hash = Hash::new();
    for at in (0..pairs.len()).step_by(2) {
        hash.set(
            pairs.arg(at),
            pairs.arg(at + 1),
            FieldTtl::Clear,
            limits,
            now,
        );
    }
    cx.db
        .set_collection(key, hash.into_collection(), Ttl::Clear);
    cx.dirty += pairs.len() as u64 / 2;
    if cx.propagates() {
        if was_there {
            cx.propagate(&[b"DEL", key]);
        }
        let pairs: Vec<&[u8]> = pairs.iter().collect();
        cx.propagate_list(&[b"HSET", key], &pairs);
    }
    cx.notify(KeyspaceEvents::HASH, "hset", key);
    cx.reply.ok();
    Ok(Flow::Done)
}
