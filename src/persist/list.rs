//! Lists in payloads: count, then nodes: a container number, 1 for one large element and 2 for a listpack, and the bytes.
//!
//! Read only: elements one by one (1), one ziplist (10), nodes that are ziplists (14).

use std::borrow::Cow;

use super::object::kind;
use super::older::ziplist;
use super::string_payload::{Reader, Text, write_len, write_string};
use crate::base::I64Buf;
use crate::types::{Chunk, End, List, ListLimits};

pub(super) const PLAIN: u64 = 1;
pub(super) const PACKED: u64 = 2;

/// Appends type number and list.
pub(super) fn write(out: &mut Vec<u8>, list: &List, compress: bool) {
    out.push(kind::LIST_QUICKLIST_2);
    let chunks = list.chunks();
    write_len(out, chunks.len() as u64);
    for chunk in chunks {
        let (container, bytes) = match &chunk {
            Chunk::Plain(bytes) => (PLAIN, bytes),
            Chunk::Packed(bytes) => (PACKED, bytes),
        };
        write_len(out, container);
        write_string(out, bytes, compress);
    }
}

pub(super) fn read(reader: &mut Reader<'_>, kind: u8, limits: ListLimits) -> Option<List> {
    let mut list = List::new();
    let mut push_ziplist = |blob: Text<'_>| {
        let blob = blob.into_vec();
        let mut digits = I64Buf::new(0);
        for item in ziplist(&blob)? {
            list.push(End::Back, item.text(&mut digits), limits);
        }
        Some(())
    };
    match kind {
        kind::LIST_QUICKLIST_2 => return chunks(reader, limits),
        kind::LIST_ZIPLIST => push_ziplist(reader.string().ok()?)?,
        kind::LIST_QUICKLIST => {
            for _ in 0..reader.len().ok()? {
                push_ziplist(reader.string().ok()?)?;
            }
        }
        _ => {
            for _ in 0..reader.len().ok()? {
                let text = reader.string().ok()?.into_vec();
                list.push(End::Back, &text, limits);
            }
        }
    }
    Some(list)
}

fn chunks(reader: &mut Reader<'_>, limits: ListLimits) -> Option<List> {
    let count = reader.len().ok()?;
    // Each takes two bytes at least, so the count cannot make this long.
    let mut chunks = Vec::new();
    for _ in 0..count {
        let container = reader.len().ok()?;
        let bytes: Cow<'_, [u8]> = Cow::Owned(reader.string().ok()?.into_vec());
        chunks.push(match container {
            // An element that is nothing would not have a node of its own.
            PLAIN if !bytes.is_empty() => Chunk::Plain(bytes),
            PACKED => Chunk::Packed(bytes),
            _ => return None,
        });
    }
    List::from_chunks(chunks.into_iter(), limits)
}
