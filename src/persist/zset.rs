//! Sorted sets in payloads: a listpack of members and scores (17), or else count, (member, score f64) .. from the highest to
//! the lowest (5).
//!
//! Read only: 3, where scores are text behind their length, and 12, a ziplist.

use super::object::kind;
use super::older::ziplist;
use super::string_payload::{Reader, write_len, write_string};
use crate::base::{I64Buf, parse_f64};
use crate::types::{Item, Listpack, Zset, ZsetLimits};

/// Appends type number and sorted set.
pub(super) fn write(out: &mut Vec<u8>, zset: &Zset, compress: bool) {
    if let Some(items) = zset.as_listpack() {
        out.push(kind::ZSET_LISTPACK);
        write_string(out, items.as_bytes(), compress);
        return;
    }
    out.push(kind::ZSET_2);
    write_len(out, zset.len() as u64);
    let mut digits = I64Buf::new(0);
    for (member, score) in zset.iter().rev() {
        write_string(out, member.text(&mut digits), compress);
        out.extend_from_slice(&score.to_le_bytes());
    }
}

pub(super) fn read(reader: &mut Reader<'_>, kind: u8, limits: ZsetLimits) -> Option<Zset> {
    let mut zset = Zset::new();
    match kind {
        kind::ZSET_LISTPACK => {
            let items = Listpack::from_bytes(reader.string().ok()?.into_vec())?;
            let compact = Zset::from_listpack(items)?;
            if compact.len() <= limits.entries {
                return Some(compact);
            }
            let mut digits = I64Buf::new(0);
            for (member, score) in compact.iter() {
                zset.put(member.text(&mut digits), score, limits);
            }
        }
        kind::ZSET_ZIPLIST => {
            let blob = reader.string().ok()?.into_vec();
            let items = ziplist(&blob)?;
            if !items.len().is_multiple_of(2) {
                return None;
            }
            for pair in items.chunks_exact(2) {
                let score = match pair[1] {
                    Item::Int(score) => score as f64,
                    Item::Text(text) => parse_f64(text)?,
                };
                add(&mut zset, &pair[0].to_vec(), score, limits)?;
            }
        }
        _ => {
            for _ in 0..reader.len().ok()? {
                let member = reader.string().ok()?.into_vec();
                let score = match kind {
                    kind::ZSET_2 => f64::from_le_bytes(reader.array().ok()?),
                    _ => old_score(reader)?,
                };
                add(&mut zset, &member, score, limits)?;
            }
        }
    }
    Some(zset)
}

/// A score as text, its length before it; above 252 that stands for a special value.
fn old_score(reader: &mut Reader<'_>) -> Option<f64> {
    match reader.byte().ok()? {
        253 => None,
        254 => Some(f64::INFINITY),
        255 => Some(f64::NEG_INFINITY),
        len => parse_f64(reader.bytes(len.into()).ok()?),
    }
}

/// Adds a member that must be new, with a score that must be a number.
fn add(zset: &mut Zset, member: &[u8], score: f64, limits: ZsetLimits) -> Option<()> {
    let is_new = !score.is_nan() && zset.put(member, score, limits).is_none();
    is_new.then_some(())
}
