//! Streams against a plain list of entries.

use super::*;
use crate::base::{Millis, Rng};
use crate::types::Listpack;

type Plain = (StreamId, Vec<Vec<u8>>);

fn plain(entry: Entry<'_>) -> Plain {
    let pairs = entry.pairs();
    let texts = pairs.flat_map(|(field, value)| [field.to_vec(), value.to_vec()]);
    (entry.id, texts.collect())
}

fn add(stream: &mut Stream, id: StreamId, texts: &[Vec<u8>], limits: NodeLimits) {
    let pairs = texts.iter().map(Vec::as_slice);
    stream.log_mut().append(id, pairs, limits);
}

fn texts(rng: &mut Rng) -> Vec<Vec<u8>> {
    let names: &[&[u8]] = match rng.below(4) {
        0 => &[b"a"],
        1 => &[b"a", b"b", b"12"],
        2 => &[b"other", b""],
        _ => &[b"a", b"c", b"12"],
    };
    let value = |rng: &mut Rng| match rng.below(3) {
        0 => rng.below(1 << 40).to_string().into_bytes(),
        1 => vec![b'x'; rng.index(80)],
        _ => b"-17".to_vec(),
    };
    let pairs = names.iter().flat_map(|name| [name.to_vec(), value(rng)]);
    pairs.collect()
}

#[test]
fn a_log_is_a_list_of_entries() {
    for seed in 0..60 {
        let mut rng = Rng::new(seed);
        let limits = NodeLimits {
            bytes: [0, 200, 4096][rng.index(3)],
            entries: [0, 1, 3, 7][rng.index(4)],
        };
        let mut stream = Stream::new();
        let mut model: Vec<Plain> = Vec::new();
        let (mut added, mut time) = (0, 5);
        for _ in 0..300 {
            match rng.below(10) {
                0..5 => {
                    time += rng.below(3);
                    let id = stream.log().new_id(NewId::Auto(time)).unwrap();
                    let texts = texts(&mut rng);
                    add(&mut stream, id, &texts, limits);
                    model.push((id, texts));
                    added += 1;
                }
                5..7 => {
                    let id = match model.is_empty() || rng.below(4) == 0 {
                        true => StreamId::new(rng.below(time), 0),
                        false => model[rng.index(model.len())].0,
                    };
                    let at = model.iter().position(|entry| entry.0 == id);
                    assert_eq!(stream.log().contains(id), at.is_some());
                    let deletion = stream.delete(id, References::Keep);
                    assert_eq!(deletion == Deletion::Deleted, at.is_some());
                    at.map(|at| model.remove(at));
                }
                7 => {
                    let max = rng.index(model.len() + 3);
                    let trim = Trim {
                        keep: Keep::Newest(max as u64),
                        approximate: rng.below(2) == 0,
                        limit: 0,
                    };
                    let removed = stream.trim(trim, References::Keep) as usize;
                    let most = model.len().saturating_sub(max);
                    assert!(removed <= most && (trim.approximate || removed == most));
                    model.drain(..removed);
                }
                8 => {
                    let min = StreamId::new(rng.below(time + 2), rng.below(2));
                    let approximate = rng.below(2) == 0;
                    let trim = Trim {
                        keep: Keep::From(min),
                        approximate,
                        limit: 0,
                    };
                    let removed = stream.trim(trim, References::Keep) as usize;
                    let most = model.iter().filter(|entry| entry.0 < min).count();
                    assert!(removed <= most && (approximate || removed == most));
                    model.drain(..removed);
                }
                _ => {
                    let mut id = || StreamId::new(rng.below(time + 2), rng.below(3));
                    let (start, end) = (id(), id());
                    let inside = |entry: &&Plain| (start..=end).contains(&entry.0);
                    let log = stream.log();
                    let expected: Vec<Plain> = model.iter().filter(inside).cloned().collect();
                    let found: Vec<Plain> = log.range(start, end).map(plain).collect();
                    assert_eq!(found, expected);
                    let mut back: Vec<Plain> = log.range_back(start, end).map(plain).collect();
                    back.reverse();
                    assert_eq!(back, expected);
                }
            }
            stream.check();
            let log = stream.log();
            assert_eq!(log.len() as usize, model.len());
            assert_eq!(log.entries_added(), added);
            assert_eq!(log.last_entry_id(), model.last().map(|entry| entry.0));
        }
        let mut copy = Log::default();
        for (id, node) in stream.log().nodes() {
            let pack = Listpack::from_bytes(node.as_bytes().to_vec()).unwrap();
            assert!(copy.push_node(id, Node::from_listpack(pack).unwrap()));
        }
        let all = |log: &Log| -> Vec<Plain> {
            let range = log.range(StreamId::MIN, StreamId::MAX);
            range.map(plain).collect()
        };
        assert_eq!(all(&copy), model);
    }
}

#[test]
fn nodes_from_outside_are_checked() {
    let mut stream = Stream::new();
    let limits = NodeLimits {
        bytes: 0,
        entries: 0,
    };
    let mut rng = Rng::new(3);
    for ms in 1..20 {
        let texts = texts(&mut rng);
        add(&mut stream, StreamId::new(ms, 0), &texts, limits);
    }
    stream.delete(StreamId::new(4, 0), References::Keep);
    let bytes = stream.log().nodes().next().unwrap().1.as_bytes().to_vec();
    let mut refused = 0;
    for _ in 0..20_000 {
        let mut bytes = bytes.clone();
        for _ in 0..1 + rng.index(3) {
            let at = rng.index(bytes.len());
            bytes[at] = rng.next_u64() as u8;
        }
        let node = Listpack::from_bytes(bytes).and_then(Node::from_listpack);
        let Some(node) = node else {
            refused += 1;
            continue;
        };
        // What is let in can be walked.
        let mut log = Log::default();
        if log.push_node(StreamId::MIN, node) {
            let forth = log.range(StreamId::MIN, StreamId::MAX).map(plain).count();
            let back = log.range_back(StreamId::MIN, StreamId::MAX);
            assert_eq!(back.map(plain).count(), forth);
        }
    }
    assert!(refused > 1000);
}

#[test]
fn new_ids_are_greater_than_the_last_one() {
    let mut log = Log::default();
    let id = StreamId::new;
    assert_eq!(log.new_id(NewId::Auto(7)), Some(id(7, 0)));
    assert_eq!(log.new_id(NewId::AutoSeq(0)), Some(id(0, 1)));
    assert_eq!(log.new_id(NewId::Exact(id(0, 0))), None);
    log.set_ids(id(9, u64::MAX), None, None);
    assert_eq!(log.new_id(NewId::Auto(7)), Some(id(10, 0)));
    assert_eq!(log.new_id(NewId::AutoSeq(9)), None);
    assert_eq!(log.new_id(NewId::AutoSeq(8)), None);
    assert_eq!(log.new_id(NewId::Exact(id(10, 0))), Some(id(10, 0)));
    log.set_ids(StreamId::MAX, None, None);
    assert_eq!(log.new_id(NewId::Auto(7)), None);
}

#[test]
fn a_group_has_each_pending_entry_with_one_consumer() {
    for seed in 0..30 {
        let mut rng = Rng::new(seed);
        let mut stream = Stream::new();
        assert!(stream.create_group(b"g", Group::new(StreamId::MIN, None)));
        assert!(!stream.create_group(b"g", Group::new(StreamId::MIN, None)));
        let mut model: BTreeMap<u64, String> = BTreeMap::new();
        for _ in 0..400 {
            let name = format!("consumer{}", rng.below(5));
            let ms = rng.below(60);
            let what = rng.below(10);
            let changed = stream.with_group(b"g", |_, group| match what {
                0..6 => {
                    let consumer = group.find_or_create(name.as_bytes(), Millis(0)).0;
                    let pending = Pending {
                        consumer: Some(consumer),
                        delivered: Millis(rng.below(5) as i64),
                        deliveries: 1,
                    };
                    group.assign(StreamId::new(ms, 0), pending);
                    if rng.chance(1, 50) {
                        // From here on there is an index to keep.
                        assert!(group.pending_by_time().is_sorted());
                    }
                    model.insert(ms, name);
                }
                6..9 => {
                    let confirmed = group.confirm(StreamId::new(ms, 0));
                    assert_eq!(confirmed, model.remove(&ms).is_some());
                }
                _ => {
                    let held = group.remove_consumer(name.as_bytes()).unwrap_or(0);
                    let before = model.len();
                    model.retain(|_, owner| *owner != name);
                    assert_eq!(held, before - model.len());
                }
            });
            assert!(changed.is_some());
            stream.check();
            let group = stream.group(b"g").unwrap();
            let found: Vec<(u64, String)> = group
                .pending_from(StreamId::MIN)
                .map(|(id, pending)| {
                    let name = group.owner(pending);
                    (id.ms, String::from_utf8(name.to_vec()).unwrap())
                })
                .collect();
            assert!(found.into_iter().eq(model.clone()));
        }
        let copy = stream.clone();
        copy.check();
        assert!(stream.destroy_group(b"g") && !stream.destroy_group(b"g"));
        assert_eq!(stream.memory(), Stream::new().memory());
    }
}

#[test]
fn entries_that_groups_refer_to() {
    let build = || {
        let mut stream = Stream::new();
        let limits = NodeLimits {
            bytes: 0,
            entries: 2,
        };
        for ms in 1..=6 {
            let texts = [b"f".to_vec(), b"v".to_vec()];
            add(&mut stream, StreamId::new(ms, 0), &texts, limits);
        }
        stream.create_group(b"g", Group::new(StreamId::new(4, 0), None));
        stream.with_group(b"g", |_, group| {
            let consumer = group.find_or_create(b"c", Millis(0)).0;
            let pending = Pending {
                consumer: Some(consumer),
                delivered: Millis(0),
                deliveries: 1,
            };
            group.assign(StreamId::new(2, 0), pending);
        });
        stream
    };
    let left = |stream: &Stream| -> Vec<u64> {
        let all = stream.log().range(StreamId::MIN, StreamId::MAX);
        all.map(|entry| entry.id.ms).collect()
    };
    let all = Trim {
        keep: Keep::Newest(0),
        approximate: false,
        limit: 0,
    };
    let pending = |stream: &Stream| stream.group(b"g").map(Group::pending_len);

    let mut stream = build();
    assert_eq!(stream.trim(all, References::Respect), 3);
    assert_eq!((left(&stream), pending(&stream)), (vec![2, 5, 6], Some(1)));
    stream.check();
    let mut stream = build();
    assert_eq!(stream.trim(all, References::Delete), 6);
    assert_eq!((left(&stream), pending(&stream)), (vec![], Some(0)));
    stream.check();
    let mut stream = build();
    assert_eq!(stream.trim(all, References::Keep), 6);
    assert_eq!((left(&stream), pending(&stream)), (vec![], Some(1)));
    stream.check();
    let mut stream = build();
    for (ms, expected) in [
        (1, Deletion::Deleted),
        (2, Deletion::Referenced),
        (5, Deletion::Referenced),
        (9, Deletion::Absent),
    ] {
        let id = StreamId::new(ms, 0);
        assert_eq!(stream.delete(id, References::Respect), expected);
    }
    let id = StreamId::new(2, 0);
    assert_eq!(stream.delete(id, References::Delete), Deletion::Deleted);
    assert_eq!(pending(&stream), Some(0));
    stream.check();
}
