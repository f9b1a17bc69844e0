//! Positions: members of a sorted set whose scores are cells of a grid over the earth (`base::geo`).
//!
//! Any sorted set will do, and ZADD, ZREM and the rest work on these. Here are the commands about single members;
//! `search` finds members by where they are.

mod search;
#[cfg(test)]
mod tests;

use super::ctx::{Ctx, Flow};
use super::sorted_set::{Rules, put_all};
use crate::base::geo::{Point, geohash_text};
use crate::base::{I64Buf, parse_f64};
use crate::resp::{Args, CommandError, Reply};
use crate::types::Zset;

pub use search::{
    georadius, georadius_ro, georadiusbymember, georadiusbymember_ro, geosearch, geosearchstore,
};

type Result<T = Flow> = std::result::Result<T, CommandError>;

/// Adds members at positions, or moves them.
pub fn geoadd(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let mut rules = Rules::default();
    let mut at = 2;
    loop {
        match () {
            () if args.is(at, "NX") => rules.nx = true,
            () if args.is(at, "XX") => rules.xx = true,
            () if args.is(at, "CH") => rules.ch = true,
            () => break,
        }
        at += 1;
    }
    let triples = args.from(at);
    if triples.is_empty() || !triples.len().is_multiple_of(3) || (rules.nx && rules.xx) {
        return Err(CommandError::SYNTAX);
    }
    let scores = (0..triples.len() / 3)
        .map(|i| Ok(point(triples, i * 3)?.to_score()))
        .collect::<Result<Vec<f64>>>()?;
    let members = triples.from(2).iter().step_by(3);
    let dirty = cx.dirty;
    let flow = put_all(cx, args.arg(1), rules, &scores, members.clone())?;
    if cx.propagates() && cx.dirty != dirty {
        // Scores are integers of 52 bits.
        let scores: Vec<I64Buf> = scores.iter().map(|it| I64Buf::new(*it as i64)).collect();
        let pairs = scores.iter().zip(members);
        let pairs: Vec<&[u8]> = pairs
            .flat_map(|(score, member)| [score.as_bytes(), member])
            .collect();
        let mut first: Vec<&[u8]> = vec![b"ZADD", args.arg(1)];
        first.extend(args.from(2).first(at - 2));
        cx.propagate_list(&first, &pairs);
    }
    Ok(flow)
}

/// Replies the positions of members, null for one that is not there.
pub fn geopos(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let zset = cx.db.read::<Zset>(args.arg(1))?;
    let members = args.from(2);
    cx.reply.array(members.len());
    for member in members {
        match zset.and_then(|zset| zset.score(member)) {
            Some(score) => reply_point(&mut cx.reply, Point::from_score(score)),
            None => cx.reply.null_array(),
        }
    }
    Ok(Flow::Done)
}

/// Replies the Geohash texts of members, null for one that is not there.
pub fn geohash(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let zset = cx.db.read::<Zset>(args.arg(1))?;
    let members = args.from(2);
    cx.reply.array(members.len());
    for member in members {
        match zset.and_then(|zset| zset.score(member)) {
            Some(score) => cx.reply.bulk(&geohash_text(Point::from_score(score))),
            None => cx.reply.null(),
        }
    }
    Ok(Flow::Done)
}

/// Replies the distance between two members, null if one of them is not there.
pub fn geodist(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    if args.len() > 5 {
        return Err(CommandError::SYNTAX);
    }
    let metres = match args.get(4) {
        Some(name) => unit(name)?,
        None => 1.0,
    };
    let Some(zset) = cx.db.read::<Zset>(args.arg(1))? else {
        cx.reply.null();
        return Ok(Flow::Done);
    };
    match (zset.score(args.arg(2)), zset.score(args.arg(3))) {
        (Some(one), Some(other)) => {
            let distance = Point::from_score(one).distance(Point::from_score(other));
            reply_distance(&mut cx.reply, distance / metres);
        }
        _ => cx.reply.null(),
    }
    Ok(Flow::Done)
}

/// Longitude and latitude from arguments `at` and the one behind it.
fn point(args: Args<'_>, at: usize) -> Result<Point> {
    let degrees = |at: usize| parse_f64(args.arg(at)).ok_or(CommandError::NOT_FLOAT);
    let point = Point {
        longitude: degrees(at)?,
        latitude: degrees(at + 1)?,
    };
    match point.is_valid() {
        true => Ok(point),
        false => Err(CommandError::invalid_position(
            point.longitude,
            point.latitude,
        )),
    }
}

/// Metres in a unit of length.
fn unit(name: &[u8]) -> Result<f64> {
    let units: [(&[u8], f64); 4] = [
        (b"m", 1.0),
        (b"km", 1000.0),
        (b"ft", 0.3048),
        (b"mi", 1609.34),
    ];
    let found = units
        .iter()
        .find(|(unit, _)| name.eq_ignore_ascii_case(unit));
    found
        .map(|(_, metres)| *metres)
        .ok_or(CommandError::GEO_UNIT)
}

/// A distance, to four digits behind the point; text in both protocols.
fn reply_distance(reply: &mut Reply<'_>, distance: f64) {
    let scaled = (distance * 10_000.0).round_ties_even();
    // Distances on earth are far from the ends of 64 bits, in any unit.
    let (whole, rest) = ((scaled as i64) / 10_000, (scaled as i64) % 10_000);
    reply.bulk(format!("{whole}.{rest:04}").as_bytes());
}

fn reply_point(reply: &mut Reply<'_>, point: Point) {
    reply.array(2);
    for degrees in [point.longitude, point.latitude] {
        let text = format!("{degrees:.17}");
        let text = text.trim_end_matches('0').trim_end_matches('.');
        let text = if text == "-0" { "0" } else { text };
        if reply.is_resp3() {
            reply.raw(b",");
            reply.raw(text.as_bytes());
            reply.raw(b"\r\n");
        } else {
            reply.bulk(text.as_bytes());
        }
    }
}
