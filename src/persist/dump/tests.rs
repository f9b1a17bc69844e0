use std::sync::Arc;

use super::*;
use crate::base::{Millis, Rng};
use crate::keyspace::{StrRef, StrValue};
use crate::persist::object::{RDB_VERSION_MAX, VALKEY_VERSION, kind};
use crate::types::stream::{Group, NodeLimits, Pending, References, Stream, StreamId};
use crate::types::{
    Collection, End, FieldTtl, Hash, HashLimits, Kind, List, ListLimits, Set, SetLimits, Zset,
    ZsetLimits,
};

const LIMITS: ValueLimits = ValueLimits {
    hash: HashLimits {
        fields: 30,
        bytes: 64,
    },
    list: ListLimits { size: -2, depth: 0 },
    set: SetLimits {
        ints: 20,
        members: 30,
        bytes: 64,
    },
    zset: ZsetLimits {
        entries: 30,
        value: 64,
    },
};

fn seen(value: &Value) -> ValueRef<'_> {
    match value {
        Value::Str(StrValue::Int(value), _) => ValueRef::Str(StrRef::Int(*value)),
        Value::Str(StrValue::Bytes(bytes), _) => ValueRef::Str(StrRef::Bytes(bytes)),
        Value::Str(StrValue::Shared(shared), _) => ValueRef::Str(StrRef::Shared(shared)),
        Value::Collection(collection) => ValueRef::Collection(collection),
    }
}

fn collection(value: impl Kind) -> Value {
    Value::Collection(Box::new(value.into_collection()))
}

fn signed(body: &[u8], version: u16) -> Vec<u8> {
    let mut payload = body.to_vec();
    sign(&mut payload, version);
    payload
}

fn text_of(value: Value) -> Vec<u8> {
    let Value::Str(text, false) = value else {
        panic!("a string as SET stores it");
    };
    match text {
        StrValue::Int(value) => value.to_string().into_bytes(),
        StrValue::Bytes(bytes) => bytes,
        StrValue::Shared(shared) => shared.to_vec(),
    }
}

/// Everything about a value, as text.
fn contents(value: &Value) -> Vec<String> {
    let mut parts = Vec::new();
    match seen(value) {
        ValueRef::Str(text) => parts.push(text.to_vec().escape_ascii().to_string()),
        ValueRef::Collection(Collection::Hash(hash)) => {
            hash.for_each(i64::MIN, |field| {
                let (name, value) = (field.name.to_vec(), field.value.to_vec());
                parts.push(format!("{name:?} {value:?} {:?}", field.expiry));
            });
            parts.sort();
        }
        ValueRef::Collection(Collection::List(list)) => list.visit(End::Front, 0, |item| {
            parts.push(format!("{:?}", item.to_vec()));
            true
        }),
        ValueRef::Collection(Collection::Set(set)) => {
            set.for_each(|member| parts.push(format!("{:?}", member.to_vec())));
            parts.sort();
        }
        ValueRef::Collection(Collection::Stream(stream)) => {
            let log = stream.log();
            parts.push(format!(
                "{} {:?} {:?} {:?} {}",
                log.len(),
                log.last_id(),
                log.first_id(),
                log.max_deleted_id(),
                log.entries_added()
            ));
            for entry in log.range(StreamId::MIN, StreamId::MAX) {
                let pairs = entry.pairs();
                let pairs: Vec<_> = pairs
                    .map(|(name, value)| (name.to_vec(), value.to_vec()))
                    .collect();
                parts.push(format!("{:?} {pairs:?}", entry.id));
            }
            for (name, group) in stream.groups() {
                parts.push(format!(
                    "{name:?} {:?} {:?}",
                    group.last_id, group.entries_read
                ));
                for (id, pending) in group.pending_from(StreamId::MIN) {
                    let consumer = group.owner(pending);
                    parts.push(format!(
                        "{id:?} {consumer:?} {:?} {}",
                        pending.delivered, pending.deliveries
                    ));
                }
                for consumer in group.consumers() {
                    parts.push(format!(
                        "{:?} {:?} {:?} {}",
                        consumer.name,
                        consumer.seen,
                        consumer.active,
                        consumer.pending_len()
                    ));
                }
            }
        }
        ValueRef::Collection(Collection::Zset(zset)) => {
            for (member, score) in zset.iter() {
                parts.push(format!("{:?} {score}", member.to_vec()));
            }
        }
    }
    parts
}

fn text(rng: &mut Rng) -> Vec<u8> {
    match rng.below(5) {
        0 => (rng.next_u64() as i64 >> rng.below(64))
            .to_string()
            .into_bytes(),
        1 => vec![b'r'; rng.index(100)],
        2 if rng.chance(1, 10) => vec![b'l'; 9000],
        _ => {
            let mut text = vec![0; rng.index(30)];
            rng.fill(&mut text);
            text
        }
    }
}

/// A value of some type and size.
fn value(rng: &mut Rng) -> Value {
    let len = 1 + rng.index(60);
    match rng.below(7) {
        6 => {
            let mut zset = Zset::new();
            for _ in 0..len {
                let score = match rng.below(4) {
                    0 => f64::INFINITY,
                    1 => rng.unit_f64() * 1e17,
                    _ => rng.below(20) as f64 - 10.0,
                };
                zset.put(&text(rng), score, LIMITS.zset);
            }
            collection(zset)
        }
        5 => collection(stream(rng, len)),
        4 => {
            let (mut set, ints) = (Set::new(), rng.chance(1, 2));
            for _ in 0..len {
                let member = match ints {
                    true => (rng.next_u64() as i64 >> rng.below(64))
                        .to_string()
                        .into_bytes(),
                    false => text(rng),
                };
                set.insert(&member, LIMITS.set);
            }
            collection(set)
        }
        0 => Value::Str(StrValue::Shared(Arc::new(text(rng))), false),
        1 => {
            let mut list = List::new();
            for _ in 0..len {
                list.push(End::Back, &text(rng), LIMITS.list);
            }
            collection(list)
        }
        kind => {
            let mut hash = Hash::new();
            for _ in 0..len {
                let ttl = match rng.below(3) {
                    0 if kind == 2 => FieldTtl::At(1 + rng.below(1 << 44) as i64),
                    _ => FieldTtl::Clear,
                };
                hash.set(&text(rng), &text(rng), ttl, LIMITS.hash, i64::MIN);
            }
            collection(hash)
        }
    }
}

fn stream(rng: &mut Rng, len: usize) -> Stream {
    let mut stream = Stream::new();
    let limits = NodeLimits {
        bytes: 0,
        entries: 1 + rng.below(30),
    };
    for i in 0..len as u64 {
        let id = StreamId::new(5 + i / 3, i);
        let name = [&b"f"[..], b"g"][rng.index(2)];
        let value = text(rng);
        let pairs = [name, &value, b"other", b"77"];
        stream.log_mut().append(id, pairs.into_iter(), limits);
    }
    for _ in 0..rng.index(6) {
        let i = rng.below(len as u64);
        stream.delete(StreamId::new(5 + i / 3, i), References::Keep);
    }
    for g in 0..rng.below(3) {
        let mut group = Group::new(StreamId::new(5, g), (g == 1).then_some(7));
        for i in 0..rng.below(20) {
            let name = format!("consumer {}", rng.below(3));
            let (consumer, _) = group.find_or_create(name.as_bytes(), Millis(3));
            group.consumer_mut(consumer).active = rng.chance(1, 2).then_some(Millis(8));
            let pending = Pending {
                consumer: Some(consumer),
                delivered: Millis(100),
                deliveries: 1 + i as i64,
            };
            group.assign(StreamId::new(i, 1), pending);
        }
        stream.create_group(format!("group {g}").as_bytes(), group);
    }
    stream
}

#[test]
fn streams_of_all_versions_are_read() {
    let mut rng = Rng::new(4);
    let stream = stream(&mut rng, 40);
    let value = collection(stream);
    let payload = dump(seen(&value), false);
    let restored = restore(&payload, &LIMITS).unwrap();
    assert_eq!(contents(&restored), contents(&value));
    // One entry 1-1 (f, v), and a group that has it pending for a consumer, in the three versions.
    let mut one = Stream::new();
    let limits = NodeLimits {
        bytes: 0,
        entries: 0,
    };
    one.log_mut()
        .append(StreamId::new(1, 1), [&b"f"[..], b"v"].into_iter(), limits);
    let node = one.log().nodes().next().unwrap().1.as_bytes().to_vec();
    let id = StreamId::new(1, 1).to_bytes();
    let seen_at = 9_i64.to_le_bytes();
    let mut expected = None;
    for kind in [kind::STREAM_1, kind::STREAM_2, kind::STREAM_3] {
        let mut body = vec![kind, 1, 16];
        body.extend_from_slice(&id);
        body.push(node.len() as u8);
        body.extend_from_slice(&node);
        body.extend_from_slice(b"\x01\x01\x01");
        if kind != kind::STREAM_1 {
            body.extend_from_slice(b"\x01\x01\0\0\x01");
        }
        body.extend_from_slice(b"\x01\x01g\x01\x01");
        if kind != kind::STREAM_1 {
            body.push(1);
        }
        body.push(1);
        body.extend_from_slice(&id);
        body.extend_from_slice(&seen_at);
        body.extend_from_slice(b"\x02\x01\x01c");
        body.extend_from_slice(&seen_at);
        if kind == kind::STREAM_3 {
            body.extend_from_slice(&seen_at);
        }
        body.push(1);
        body.extend_from_slice(&id);
        let value = restore(&signed(&body, 11), &LIMITS).unwrap();
        let found = contents(&value);
        assert_eq!(*expected.get_or_insert(found.clone()), found);
        // The same id pending twice, for nobody, or without an entry in the list of the group.
        for (from, len) in [(body.len() - 17, 17), (body.len() - 16, 1)] {
            let mut damaged = body.clone();
            damaged[from] = damaged[from].wrapping_add(1);
            damaged.truncate(from + len);
            assert!(restore(&signed(&damaged, 11), &LIMITS).is_err());
        }
    }
}

#[test]
fn what_was_dumped_comes_back() {
    for text in [&b""[..], b"abc", b"0001", &[b'z'; 70_000], &[0xff; 20]] {
        for compress in [false, true] {
            let payload = dump(ValueRef::Str(StrRef::Bytes(text)), compress);
            assert_eq!(text_of(restore(&payload, &LIMITS).unwrap()), text);
        }
    }
    for value in [0, -1, 1000, i64::MAX] {
        let payload = dump(ValueRef::Str(StrRef::Int(value)), true);
        let restored = restore(&payload, &LIMITS).unwrap();
        assert!(matches!(restored, Value::Str(StrValue::Int(int), false) if int == value));
    }
    let mut rng = Rng::new(1);
    for _ in 0..2000 {
        let value = value(&mut rng);
        let payload = dump(seen(&value), rng.chance(1, 2));
        let again = restore(&payload, &LIMITS).unwrap();
        assert_eq!(contents(&again), contents(&value));
        if let (ValueRef::Collection(one), ValueRef::Collection(other)) =
            (seen(&value), seen(&again))
        {
            assert_eq!(one.encoding(), other.encoding());
        }
    }
}

#[test]
fn a_damaged_payload_is_refused() {
    let mut rng = Rng::new(5);
    for _ in 0..10 {
        let whole = dump(seen(&value(&mut rng)), true);
        if whole.len() > 1000 {
            continue;
        }
        for len in 0..whole.len().min(300) {
            let error = restore(&whole[..len], &LIMITS).unwrap_err();
            assert_eq!(error, DumpError::Footer);
        }
        for bit in 0..whole.len().min(300) * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(restore(&flipped, &LIMITS).unwrap_err(), DumpError::Footer);
        }
    }
}

#[test]
fn a_signed_body_that_is_no_value_is_refused() {
    for body in [
        &b""[..],
        b"\0",
        b"\x01\x01",
        b"\x01\0",
        b"\x04\0",
        b"\x04\x02\x01a\x011\x01a\x012",
        b"\0\x02a",
        b"\0\x01ab",
        b"\xff\0",
        b"\x12\x01\x03\x01a",
        b"\x12\x00",
        b"\x10\x07\x07\0\0\0\0\0\xff",
        b"\x02\x02\x01a\x01a",
        b"\x0b\x08\x02\0\0\0\0\0\0\0",
        b"\x0b\x0c\x02\0\0\0\x02\0\0\0\x01\0\x01\0",
        b"\x18\0\0\0\0\0\0\0\x80\x01\x01\x01a\x01b",
    ] {
        for version in [1, RDB_VERSION_MAX, VALKEY_VERSION] {
            let error = restore(&signed(body, version), &LIMITS).unwrap_err();
            let is_body = matches!(error, DumpError::Body(_));
            assert!(is_body, "{}", body.escape_ascii());
        }
    }
    for version in [RDB_VERSION_MAX + 1, VALKEY_VERSION - 1, VALKEY_VERSION + 1] {
        let error = restore(&signed(b"\0\x01a", version), &LIMITS).unwrap_err();
        assert_eq!(error, DumpError::Footer);
    }
}

/// What can be read can be written and read again.
#[track_caller]
fn check_survives(payload: &[u8]) {
    if let Ok(value) = restore(payload, &LIMITS) {
        let again = dump(seen(&value), true);
        let again = restore(&again, &LIMITS).unwrap();
        assert_eq!(contents(&again), contents(&value));
    }
}

#[test]
fn any_body_is_a_value_or_refused() {
    let mut rng = Rng::new(9);
    for _ in 0..20_000 {
        let mut body = vec![0; 1 + rng.index(30)];
        rng.fill(&mut body);
        body[0] = rng.below(27) as u8;
        let version = [RDB_VERSION_MAX, VALKEY_VERSION][rng.index(2)];
        check_survives(&signed(&body, version));
    }
    for _ in 0..5000 {
        let payload = dump(seen(&value(&mut rng)), rng.chance(1, 2));
        let mut body = payload[..payload.len() - FOOTER_BYTES].to_vec();
        for _ in 0..1 + rng.index(3) {
            let at = rng.index(body.len().min(200));
            body[at] = match rng.below(3) {
                0 => rng.next_u64() as u8,
                1 => body[at] ^ 1 << rng.below(8),
                _ => body[at].wrapping_add(1),
            };
        }
        check_survives(&signed(&body, RDB_VERSION_MAX));
    }
}

#[test]
fn hashes_of_all_versions_are_read() {
    let plain = ["[97] [49] None", "[98] [50] None"];
    let timed = ["[97] [49] Some(1005)", "[98] [50] None"];
    let listpack = |items: &[&str]| {
        let mut pack = crate::types::Listpack::new();
        items
            .iter()
            .for_each(|item| pack.push_back(item.as_bytes()));
        let mut blob = vec![pack.as_bytes().len() as u8];
        blob.extend_from_slice(pack.as_bytes());
        blob
    };
    let early = 1000_i64.to_le_bytes();
    type Case<'a> = (&'a [u8], Vec<u8>, u16, [&'a str; 2]);
    let table: [Case<'_>; 8] = [
        (b"\x04", b"\x02\x01a\x011\x01b\xc0\x02".to_vec(), 1, plain),
        (
            b"\x09",
            b"\x0c\x02\x01a\x01\x001\x01b\x01\x002\xff".to_vec(),
            2,
            plain,
        ),
        (
            b"\x0d",
            b"\x15\x15\0\0\0\x12\0\0\0\x04\0\x00\x01a\x03\xf2\x02\x01b\x03\xf3\xff".to_vec(),
            6,
            plain,
        ),
        (b"\x10", listpack(&["a", "1", "b", "2"]), 10, plain),
        (
            b"\x16",
            b"\x02\x43\xed\x01a\x011\x00\x01b\x012".to_vec(),
            12,
            timed,
        ),
        (
            b"\x17",
            listpack(&["a", "1", "1005", "b", "2", "0"]),
            12,
            timed,
        ),
        (
            b"\x18",
            [&early[..], b"\x02\x06\x01a\x011\x00\x01b\x012"].concat(),
            12,
            timed,
        ),
        (
            b"\x19",
            [&early[..], &listpack(&["a", "1", "1005", "b", "2", "0"])].concat(),
            12,
            timed,
        ),
    ];
    for (kind, body, version, expected) in table {
        let payload = signed(&[kind, &body].concat(), version);
        let value =
            restore(&payload, &LIMITS).unwrap_or_else(|error| panic!("{kind:?}: {error:?}"));
        assert_eq!(contents(&value), expected, "{kind:?}");
    }
    // Valkey means something else by 22.
    let valkey = [
        &b"\x16\x02\x01a\x011"[..],
        &1005_i64.to_le_bytes(),
        b"\x01b\x012",
        &(-1_i64).to_le_bytes(),
    ]
    .concat();
    let value = restore(&signed(&valkey, VALKEY_VERSION), &LIMITS).unwrap();
    assert_eq!(contents(&value), timed);
}

#[test]
fn sorted_sets_of_all_versions_are_read() {
    let expected = ["[98] -inf", "[97] 1.5"];
    let mut items = crate::types::Listpack::new();
    for item in ["b", "-inf", "a", "1.5"] {
        items.push_back(item.as_bytes());
    }
    let mut listpack = vec![kind::ZSET_LISTPACK, items.as_bytes().len() as u8];
    listpack.extend_from_slice(items.as_bytes());
    let mut binary = b"\x05\x02\x01a".to_vec();
    binary.extend_from_slice(&1.5_f64.to_le_bytes());
    binary.extend_from_slice(b"\x01b");
    binary.extend_from_slice(&f64::NEG_INFINITY.to_le_bytes());
    let ziplist =
        b"\x0c\x1c\x1c\0\0\0\x16\0\0\0\x04\0\x00\x01b\x03\x04-inf\x06\x01a\x03\x031.5\xff";
    for body in [
        &b"\x03\x02\x01a\x031.5\x01b\xff"[..],
        &listpack,
        &binary,
        ziplist,
    ] {
        let value = restore(&signed(body, 9), &LIMITS)
            .unwrap_or_else(|error| panic!("{}: {error:?}", body[0]));
        assert_eq!(contents(&value), expected, "{}", body[0]);
    }
    for body in [
        &b"\x03\x01\x01a\xfd"[..],
        b"\x03\x02\x01a\xfe\x01a\xff",
        b"\x03\x01\x01a\x01x",
    ] {
        let error = restore(&signed(body, 9), &LIMITS).unwrap_err();
        assert!(matches!(error, DumpError::Body(_)));
    }
}

#[test]
fn versions_are_those_that_the_data_need() {
    let version = |value: &Value| {
        let payload = dump(seen(value), true);
        u16::from_le_bytes([payload[payload.len() - 10], payload[payload.len() - 9]])
    };
    for fields in [0, 100] {
        let limits = HashLimits { fields, bytes: 64 };
        let mut hash = Hash::new();
        hash.set(b"a", b"1", FieldTtl::Clear, limits, 0);
        assert_eq!(version(&collection(hash.clone())), 10);
        hash.set_expiry(b"a", Some(77));
        assert_eq!(version(&collection(hash.clone())), 12);
        hash.set_expiry(b"a", None);
        assert_eq!(version(&collection(hash)), 10);
    }
}
