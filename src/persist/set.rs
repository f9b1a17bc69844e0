//! Sets in payloads: an intset (11) or a listpack (20) as it is, or else count and members (2). Files have no listpacks of
//! sets, so that Redis 7.0 reads them.

use super::object::kind;
use super::string_payload::{Reader, write_len, write_string};
use crate::base::I64Buf;
use crate::types::{Intset, Listpack, Set, SetLimits};

/// As [`write`], but in a form that servers know which know no listpacks of sets.
pub(super) fn write_widely(out: &mut Vec<u8>, set: &Set, compress: bool) {
    match set.as_listpack() {
        Some(_) => write_members(out, set, compress),
        None => write(out, set, compress),
    }
}

/// Appends type number and set.
pub(super) fn write(out: &mut Vec<u8>, set: &Set, compress: bool) {
    if let Some(ints) = set.as_ints() {
        out.push(kind::SET_INTSET);
        write_string(out, ints.as_bytes(), compress);
    } else if let Some(members) = set.as_listpack() {
        out.push(kind::SET_LISTPACK);
        write_string(out, members.as_bytes(), compress);
    } else {
        write_members(out, set, compress);
    }
}

fn write_members(out: &mut Vec<u8>, set: &Set, compress: bool) {
    out.push(kind::SET);
    write_len(out, set.len() as u64);
    let mut digits = I64Buf::new(0);
    set.for_each(|member| write_string(out, member.text(&mut digits), compress));
}

pub(super) fn read(reader: &mut Reader<'_>, kind: u8, limits: SetLimits) -> Option<Set> {
    match kind {
        kind::SET_INTSET => {
            let ints = Intset::from_bytes(reader.string().ok()?.into_vec())?;
            Some(Set::from_ints(ints, limits))
        }
        kind::SET_LISTPACK => {
            let members = Listpack::from_bytes(reader.string().ok()?.into_vec())?;
            Set::from_listpack(members, limits)
        }
        _ => {
            let mut set = Set::new();
            for _ in 0..reader.len().ok()? {
                let member = reader.string().ok()?.into_vec();
                if !set.insert(&member, limits) {
                    return None;
                }
            }
            Some(set)
        }
    }
}
