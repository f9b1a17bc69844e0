//! Sorted sets of both encodings against a sorted vector.

use super::*;
use crate::base::Rng;

const LIMITS: ZsetLimits = ZsetLimits {
    entries: 128,
    value: 64,
};

/// Never compact.
const LARGE: ZsetLimits = ZsetLimits {
    entries: 0,
    value: 0,
};

/// Pairs in order.
type Model = Vec<(f64, Vec<u8>)>;

fn put(model: &mut Model, member: &[u8], score: f64) -> Option<f64> {
    let old = remove(model, member);
    let at = model.partition_point(|(s, m)| (*s, &m[..]) < (score, member));
    model.insert(at, (score, member.to_vec()));
    old
}

fn remove(model: &mut Model, member: &[u8]) -> Option<f64> {
    let at = model.iter().position(|(_, m)| m == member)?;
    Some(model.remove(at).0)
}

fn pairs<'a>(iter: impl Iterator<Item = (Item<'a>, f64)>) -> Model {
    iter.map(|(member, score)| (score, member.to_vec()))
        .collect()
}

#[track_caller]
fn check(zset: &Zset, model: &Model) {
    assert_eq!(&pairs(zset.iter()), model);
    let mut backwards = pairs(zset.iter().rev());
    backwards.reverse();
    assert_eq!(&backwards, model);
    for (rank, (score, member)) in model.iter().enumerate() {
        assert_eq!(zset.rank(member), Some((rank, *score)));
        let (found, at) = zset.at(rank).unwrap();
        assert_eq!((found.to_vec(), at), (member.clone(), *score));
    }
    assert!(zset.at(model.len()).is_none());
    if let Some(list) = zset.as_listpack() {
        let again = Listpack::from_bytes(list.as_bytes().to_vec()).unwrap();
        check_pairs(&Zset::from_listpack(again).unwrap(), model);
    }
}

fn check_pairs(zset: &Zset, model: &Model) {
    assert_eq!(&pairs(zset.iter()), model);
}

fn random_member(rng: &mut Rng, kinds: u64) -> Vec<u8> {
    match rng.below(4) {
        0 => rng.below(kinds / 4).to_string().into_bytes(),
        1 => format!("-{}", rng.below(kinds / 4)).into_bytes(),
        _ => format!("m{}", rng.below(kinds / 2)).into_bytes(),
    }
}

fn random_score(rng: &mut Rng) -> f64 {
    match rng.below(6) {
        0 => f64::INFINITY,
        1 => f64::NEG_INFINITY,
        2 => rng.unit_f64() * 1e-9,
        3 => 1e300,
        _ => rng.below(8) as f64 - 4.0,
    }
}

#[test]
fn both_encodings_do_what_a_sorted_vector_does() {
    for (seed, limits) in [(1, LIMITS), (2, LARGE), (3, LIMITS)] {
        let mut rng = Rng::new(seed);
        let kinds = if seed == 3 { 400 } else { 120 };
        let (mut zset, mut model) = (Zset::new(), Model::new());
        for round in 0..3000 {
            let member = random_member(&mut rng, kinds);
            match rng.below(10) {
                0..6 => {
                    let score = random_score(&mut rng);
                    assert_eq!(
                        zset.put(&member, score, limits),
                        put(&mut model, &member, score)
                    );
                }
                6..9 => assert_eq!(zset.remove(&member), remove(&mut model, &member)),
                _ => {
                    let start = rng.index(model.len() + 1);
                    let end = (start + rng.index(4)).min(model.len());
                    zset.remove_ranks(start..end);
                    model.drain(start..end);
                }
            }
            assert_eq!(zset.len(), model.len());
            let (a, b) = (random_score(&mut rng), random_score(&mut rng));
            let range = ScoreRange {
                min: a,
                min_is_outside: rng.chance(1, 2),
                max: b,
                max_is_outside: rng.chance(1, 2),
            };
            let ranks = zset.ranks_by_score(&range);
            let inside: Model = model
                .iter()
                .filter(|(score, _)| !range.is_below(*score) && !range.is_above(*score))
                .cloned()
                .collect();
            assert_eq!(pairs(zset.range(ranks)), inside);
            if round % 100 == 0 {
                check(&zset, &model);
                check(&zset.clone(), &model);
            }
        }
    }
}

#[test]
fn names_are_a_range_where_scores_are_equal() {
    for limits in [LIMITS, LARGE] {
        let mut zset = Zset::new();
        for name in ["alpha", "bar", "cool", "down", "12", "hill", "7"] {
            zset.put(name.as_bytes(), 0.0, limits);
        }
        let of = |min, max| {
            let ranks = zset.ranks_by_name(&LexRange { min, max });
            let names = zset.range(ranks).map(|(name, _)| name.to_vec());
            String::from_utf8(names.collect::<Vec<_>>().join(&b' ')).unwrap()
        };
        use LexBound::{Highest, Inside, Lowest, Outside};
        assert_eq!(of(Lowest, Highest), "12 7 alpha bar cool down hill");
        assert_eq!(of(Inside(b"bar"), Inside(b"down")), "bar cool down");
        assert_eq!(of(Outside(b"bar"), Outside(b"down")), "cool");
        assert_eq!(of(Outside(b"12"), Inside(b"b")), "7 alpha");
        assert_eq!(of(Highest, Lowest), "");
        assert_eq!(of(Inside(b"z"), Inside(b"a")), "");
        assert_eq!(of(Highest, Highest), "");
    }
}

#[test]
fn it_grows_out_of_the_compact_encoding() {
    let mut zset = Zset::new();
    for i in 0..128 {
        zset.put(format!("{i}").as_bytes(), f64::from(i), LIMITS);
    }
    assert_eq!(zset.encoding(), "listpack");
    zset.put(b"5", 7.0, LIMITS);
    assert_eq!(zset.encoding(), "listpack");
    zset.put(b"one more", 7.0, LIMITS);
    assert_eq!((zset.encoding(), zset.len()), ("skiplist", 129));
    zset.remove(b"5");
    assert_eq!(zset.encoding(), "skiplist");

    let mut zset = Zset::new();
    zset.put(&[b'x'; 64], 1.0, LIMITS);
    assert_eq!(zset.encoding(), "listpack");
    zset.put(&[b'x'; 65], 1.0, LIMITS);
    assert_eq!(zset.encoding(), "skiplist");
    assert!(zset.memory() > 0 && zset.effort() >= 2);
}

#[test]
fn a_listpack_is_taken_over_only_if_it_is_sorted() {
    let list = |items: &[&str]| {
        let mut list = Listpack::new();
        items
            .iter()
            .for_each(|item| list.push_back(item.as_bytes()));
        Zset::from_listpack(list)
    };
    assert!(list(&[]).is_some());
    assert!(list(&["a", "1", "b", "1", "c", "1.5"]).is_some());
    assert!(list(&["a", "-inf", "b", "inf"]).is_some());
    assert!(list(&["a"]).is_none());
    assert!(list(&["a", "x"]).is_none());
    assert!(list(&["a", "nan"]).is_none());
    assert!(list(&["b", "1", "a", "1"]).is_none());
    assert!(list(&["a", "2", "b", "1"]).is_none());
    assert!(list(&["a", "1", "a", "2"]).is_none());
}

#[test]
fn a_set_from_sorted_pairs_has_the_encoding_that_fits() {
    let few = [("a", 1.0), ("b", 1.0), ("c", 2.0)];
    assert_eq!(Zset::from_sorted(&few, LIMITS).encoding(), "listpack");
    let large = Zset::from_sorted(&few, LARGE);
    assert_eq!((large.encoding(), large.len()), ("skiplist", 3));
    check(&large, &pairs(Zset::from_sorted(&few, LIMITS).iter()));
}
