//! HIMPORT: hashes whose fields were named before.
//!
//! The names are the client's, at its core. A SET is sent to its key together with them, as one command; others are told
//! what it amounts to. Such hashes are like all others: the names are not shared between them. A script has names of its
//! own, for as long as it runs.

use super::{Result, limits};
use crate::command::ctx::{Ctx, Flow, HomeCtx};
use crate::command::spec::CommandSpec;
use crate::config::KeyspaceEvents;
use crate::keyspace::Ttl;
use crate::resp::{Args, CommandError, OwnedArgs};
use crate::session::{Fieldset, Fieldsets};
use crate::types::{FieldTtl, Hash, Kind};

/// Names a list of fields.
pub fn prepare(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    name(&mut cx.session.fieldsets, args)?;
    cx.reply.ok();
    Ok(Flow::Done)
}

/// Forgets a list of fields. Replies whether it was there.
pub fn discard(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    cx.reply.count(forget(&mut cx.session.fieldsets, args));
    Ok(Flow::Done)
}

/// Forgets all lists of fields. Replies how many there were.
pub fn discardall(cx: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    cx.reply.count(forget_all(&mut cx.session.fieldsets));
    Ok(Flow::Done)
}

/// Writes a hash of the fields of a list, in place of what the key held.
pub fn set(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    let all = with_fields(&cx.session.fieldsets, args)?;
    Ok(Flow::AtKeyWith(2, set_at_key, Box::new(all)))
}

/// Runs one of these commands for a script, whose lists these are. `None` if it is none of them.
pub fn run_in_script(
    cx: &mut Ctx<'_>,
    fieldsets: &mut Fieldsets,
    spec: &CommandSpec,
    args: Args<'_>,
) -> Option<Result> {
    match spec.name {
        "himport|prepare" => match name(fieldsets, args) {
            Ok(()) => cx.reply.ok(),
            Err(error) => return Some(Err(error)),
        },
        "himport|discard" => cx.reply.count(forget(fieldsets, args)),
        "himport|discardall" => cx.reply.count(forget_all(fieldsets)),
        "himport|set" => {
            let all = with_fields(fieldsets, args);
            return Some(all.and_then(|all| cx.run(set_at_key, all.as_args())));
        }
        _ => return None,
    }
    Some(Ok(Flow::Done))
}

fn name(fieldsets: &mut Fieldsets, args: Args<'_>) -> std::result::Result<(), CommandError> {
    let fields = args.from(3).iter().map(<[u8]>::to_vec).collect();
    let fieldset = Fieldset::new(fields).ok_or(CommandError::HIMPORT_DUPLICATE)?;
    fieldsets.insert(args.arg(2).into(), fieldset);
    Ok(())
}

fn forget(fieldsets: &mut Fieldsets, args: Args<'_>) -> usize {
    fieldsets.remove(args.arg(2)).is_some().into()
}

fn forget_all(fieldsets: &mut Fieldsets) -> usize {
    std::mem::take(fieldsets).len()
}

/// What `set_at_key` is given.
fn with_fields(
    fieldsets: &Fieldsets,
    args: Args<'_>,
) -> std::result::Result<OwnedArgs, CommandError> {
    let fieldset = fieldsets.get(args.arg(3));
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
    Ok(all)
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
