//! Compact encodings that nobody writes any more: ziplists, zipmaps.
//!
//! ```text
//! ziplist   bytes u32 | offset of the last entry u32 | count u16, 65535: many | entry .. | FF
//!           entry: length of the one before it, 1 or FE and 4 bytes | encoding | data
//! zipmap    count u8, 254 and more: many | (length, field, length, free u8, value, free bytes) .. | FF
//!           length: 1 byte below 254, or FE and 4 bytes
//! ```
//!
//! All numbers are little endian, but for lengths inside of a ziplist's encodings.

use crate::types::Item;

const END: u8 = 0xff;
/// The lengths that follow in four bytes.
const WIDE: u8 = 0xfe;
const COUNT_UNKNOWN: usize = 0xffff;

/// The items of a ziplist, if it is one down to the last byte.
pub(super) fn ziplist(bytes: &[u8]) -> Option<Vec<Item<'_>>> {
    let mut rest = Bytes(bytes);
    let total = u32::from_le_bytes(rest.array()?);
    let tail = u32::from_le_bytes(rest.array()?);
    let count = usize::from(u16::from_le_bytes(rest.array()?));
    if usize::try_from(total) != Ok(bytes.len()) {
        return None;
    }
    let mut items = Vec::new();
    let (mut last, mut last_len) = (bytes.len() - rest.0.len(), 0);
    loop {
        let start = bytes.len() - rest.0.len();
        let first = rest.byte()?;
        if first == END {
            break;
        }
        let before = match first {
            WIDE => usize::try_from(u32::from_le_bytes(rest.array()?)).ok()?,
            len => usize::from(len),
        };
        if before != last_len {
            return None;
        }
        items.push(ziplist_item(&mut rest)?);
        last = start;
        last_len = bytes.len() - rest.0.len() - start;
    }
    let is_whole = rest.0.is_empty()
        && usize::try_from(tail) == Ok(last)
        && (count == COUNT_UNKNOWN || count == items.len());
    is_whole.then_some(items)
}

fn ziplist_item<'a>(rest: &mut Bytes<'a>) -> Option<Item<'a>> {
    let encoding = rest.byte()?;
    let low = encoding & 0x3f;
    let text_len = match encoding >> 6 {
        0 => u32::from(low),
        1 => u32::from(u16::from_be_bytes([low, rest.byte()?])),
        2 if low == 0 => u32::from_be_bytes(rest.array()?),
        2 => return None,
        _ => {
            return Some(Item::Int(match encoding {
                0xc0 => i16::from_le_bytes(rest.array()?).into(),
                0xd0 => i32::from_le_bytes(rest.array()?).into(),
                0xe0 => i64::from_le_bytes(rest.array()?),
                0xf0 => {
                    let [a, b, c] = rest.array()?;
                    i64::from(i32::from_le_bytes([0, a, b, c]) >> 8)
                }
                0xfe => i8::from_le_bytes(rest.array()?).into(),
                0xf1..=0xfd => i64::from(encoding - 0xf1),
                _ => return None,
            }));
        }
    };
    rest.take(usize::try_from(text_len).ok()?).map(Item::Text)
}

/// The fields and values of a zipmap, if it is one down to the last byte.
pub(super) fn zipmap(bytes: &[u8]) -> Option<Vec<(&[u8], &[u8])>> {
    let mut rest = Bytes(bytes);
    let count = usize::from(rest.byte()?);
    let mut pairs = Vec::new();
    loop {
        let first = rest.byte()?;
        if first == END {
            break;
        }
        let len = zipmap_len(first, &mut rest)?;
        let name = rest.take(len)?;
        let first = rest.byte()?;
        let len = zipmap_len(first, &mut rest)?;
        let free = usize::from(rest.byte()?);
        let value = rest.take(len)?;
        rest.take(free)?;
        pairs.push((name, value));
    }
    let is_whole = rest.0.is_empty() && (count >= usize::from(WIDE) || count == pairs.len());
    is_whole.then_some(pairs)
}

fn zipmap_len(first: u8, rest: &mut Bytes<'_>) -> Option<usize> {
    match first {
        END => None,
        WIDE => usize::try_from(u32::from_le_bytes(rest.array()?)).ok(),
        len => Some(usize::from(len)),
    }
}

/// Bytes that are taken from the front.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    /// A ziplist as servers before 7.0 wrote it.
    pub(in crate::persist) fn to_ziplist(items: &[&[u8]]) -> Vec<u8> {
        let (mut body, mut last, mut last_len) = (Vec::new(), 10, 0_usize);
        for item in items {
            let start = body.len();
            match u8::try_from(last_len) {
                Ok(len @ ..0xfe) => body.push(len),
                _ => {
                    body.push(WIDE);
                    body.extend_from_slice(&(last_len as u32).to_le_bytes());
                }
            }
            match crate::base::parse_i64(item) {
                Some(value @ 0..=12) => body.push(0xf1 + value as u8),
                Some(value) if i8::try_from(value).is_ok() => body.extend([0xfe, value as u8]),
                Some(value) if i16::try_from(value).is_ok() => {
                    body.push(0xc0);
                    body.extend_from_slice(&(value as i16).to_le_bytes());
                }
                Some(value) if (-(1 << 23)..1 << 23).contains(&value) => {
                    body.push(0xf0);
                    body.extend_from_slice(&value.to_le_bytes()[..3]);
                }
                Some(value) if i32::try_from(value).is_ok() => {
                    body.push(0xd0);
                    body.extend_from_slice(&(value as i32).to_le_bytes());
                }
                Some(value) => {
                    body.push(0xe0);
                    body.extend_from_slice(&value.to_le_bytes());
                }
                None if item.len() < 64 => {
                    body.push(item.len() as u8);
                    body.extend_from_slice(item);
                }
                None if item.len() < 16_384 => {
                    body.extend_from_slice(&(0x4000 | item.len() as u16).to_be_bytes());
                    body.extend_from_slice(item);
                }
                None => {
                    body.push(0x80);
                    body.extend_from_slice(&(item.len() as u32).to_be_bytes());
                    body.extend_from_slice(item);
                }
            }
            last = start + 10;
            last_len = body.len() - start;
        }
        let mut bytes = (body.len() as u32 + 11).to_le_bytes().to_vec();
        bytes.extend_from_slice(&(last as u32).to_le_bytes());
        bytes.extend_from_slice(&(items.len() as u16).to_le_bytes());
        bytes.extend(body);
        bytes.push(END);
        bytes
    }

    #[test]
    fn ziplists_are_read() {
        let long = vec![b'x'; 300];
        let longer = vec![b'y'; 20_000];
        let texts: Vec<&[u8]> = vec![
            b"a",
            b"",
            b"0",
            b"12",
            b"13",
            b"-1",
            b"-128",
            b"300",
            b"-8388608",
            b"8388607",
            b"2147483647",
            b"-9223372036854775808",
            &long,
            b"after",
            &longer,
            b"end",
            b"007",
        ];
        for count in 0..=texts.len() {
            let bytes = to_ziplist(&texts[..count]);
            let items: Vec<Vec<u8>> = ziplist(&bytes)
                .unwrap()
                .iter()
                .map(|item| item.to_vec())
                .collect();
            assert_eq!(items, texts[..count]);
            for cut in 0..bytes.len().min(60) {
                assert!(ziplist(&bytes[..cut]).is_none());
            }
        }
    }

    #[test]
    fn zipmaps_are_read() {
        let long = [b'v'; 300];
        let mut bytes = vec![2, 1, b'a', 2, 3];
        bytes.extend_from_slice(b"v1...");
        bytes.extend_from_slice(&[1, b'b', WIDE, 44, 1, 0, 0, 0]);
        bytes.extend_from_slice(&long);
        bytes.push(END);
        assert_eq!(
            zipmap(&bytes).unwrap(),
            [(&b"a"[..], &b"v1"[..]), (b"b", &long)]
        );
        bytes[0] = 3;
        assert!(zipmap(&bytes).is_none());
        bytes[0] = 254;
        assert!(zipmap(&bytes).is_some());
        bytes.push(0);
        assert!(zipmap(&bytes).is_none());
    }

    #[test]
    fn any_bytes_are_items_or_refused() {
        let mut rng = Rng::new(7);
        let whole = to_ziplist(&[b"a", b"500", b"text", b"70000", b"7", &[b'x'; 100]]);
        for _ in 0..50_000 {
            let mut bytes = whole.clone();
            for _ in 0..rng.index(4) {
                let at = rng.index(bytes.len());
                bytes[at] = rng.next_u64() as u8;
            }
            if rng.chance(1, 4) {
                bytes.truncate(rng.index(bytes.len()));
            }
            let _ = (ziplist(&bytes), zipmap(&bytes));
        }
    }
}
