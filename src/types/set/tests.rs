//! Sets against a model, in all encodings.

use super::*;
use std::collections::BTreeSet;

const LIMITS: SetLimits = SetLimits {
    ints: 16,
    members: 8,
    bytes: 12,
};

fn members_of(set: &Set) -> BTreeSet<Vec<u8>> {
    let mut members = BTreeSet::new();
    set.for_each(|member| assert!(members.insert(member.to_vec())));
    members
}

fn set_of(members: impl IntoIterator<Item = impl ToString>) -> Set {
    let mut set = Set::new();
    for member in members {
        set.insert(member.to_string().as_bytes(), LIMITS);
    }
    set
}

#[test]
fn it_does_what_a_model_does() {
    for seed in 0..60 {
        let mut rng = Rng::new(seed);
        let (mut set, mut model) = (Set::new(), BTreeSet::new());
        let range = [6, 12, 40, 2000][rng.index(4)];
        let texts = rng.below(3) * 30;
        for _ in 0..800 {
            let number = rng.below(range);
            let member = match rng.below(100) < texts {
                true => format!("m{number}").into_bytes(),
                false => number.to_string().into_bytes(),
            };
            match rng.below(8) {
                0..3 => assert_eq!(set.remove(&member), model.remove(&member)),
                3 => {
                    let popped = set.pop(&mut rng);
                    assert_eq!(popped.is_none(), model.is_empty());
                    assert!(popped.is_none_or(|member| model.remove(&member)));
                }
                _ => assert_eq!(set.insert(&member, LIMITS), model.insert(member.clone())),
            }
            assert_eq!(set.contains(&member), model.contains(&member));
            assert_eq!(
                set.contains_item(Item::of(&member)),
                model.contains(&member)
            );
            assert_eq!(set.len(), model.len());
        }
        assert_eq!(members_of(&set), model);
        assert_eq!(members_of(&set.clone()), model);
        let mut seen = BTreeSet::new();
        let mut cursor = 0;
        loop {
            cursor = set.scan(cursor, 5, |member| assert!(seen.insert(member.to_vec())));
            if cursor == 0 {
                break;
            }
        }
        assert_eq!(seen, model);
    }
}

#[test]
fn encodings_follow_the_limits() {
    assert_eq!(set_of(0..16).encoding(), "intset");
    assert_eq!(set_of(0..17).encoding(), "hashtable");
    assert_eq!(set_of(["a"]).encoding(), "listpack");
    assert_eq!(set_of(["1", "a"]).encoding(), "listpack");
    assert_eq!(set_of("abcdefgh".chars()).encoding(), "listpack");
    assert_eq!(set_of("abcdefghi".chars()).encoding(), "hashtable");
    assert_eq!(set_of(["a", "1234567890123"]).encoding(), "hashtable");
    assert_eq!(set_of(["1234567890123", "a"]).encoding(), "hashtable");
    assert_eq!(set_of(["1234567890123"]).encoding(), "intset");
    // Seven integers leave room for one text, eight do not.
    let with_text = |n: i32| set_of((0..n).map(|i| i.to_string()).chain(["x".into()]));
    assert_eq!(with_text(7).encoding(), "listpack");
    assert_eq!(with_text(8).encoding(), "hashtable");
    for (first, count, encoding) in [
        ("1", 16, "intset"),
        ("1", 17, "hashtable"),
        ("a", 8, "listpack"),
        ("a", 9, "hashtable"),
    ] {
        let set = Set::suiting(first.as_bytes(), count, LIMITS);
        assert_eq!(set.encoding(), encoding, "{first} {count}");
    }
    let mut set = set_of(["a"]);
    set.expect(8, LIMITS);
    assert_eq!(set.encoding(), "listpack");
    set.expect(9, LIMITS);
    assert_eq!(set.encoding(), "hashtable");
    let mut set = set_of(0..9);
    set.table();
    set.prefer_ints(LIMITS);
    assert_eq!(set.encoding(), "intset");
    let mut set = set_of(["a", "1"]);
    set.prefer_ints(LIMITS);
    assert_eq!(set.encoding(), "listpack");
}

#[test]
fn samples_are_different_members() {
    let mut rng = Rng::new(1);
    for set in [set_of(0..9), set_of("abcdef".chars()), set_of(0..500)] {
        let all = members_of(&set);
        for count in 0..set.len() + 2 {
            let mut seen = BTreeSet::new();
            set.sample(&mut rng, count, |member| {
                assert!(seen.insert(member.to_vec()));
            });
            assert_eq!(seen.len(), count.min(set.len()));
            assert!(seen.is_subset(&all));
        }
        let mut times = 0;
        set.draw(&mut rng, |member| {
            assert!(set.contains_item(member));
            times += 1;
            times < 50
        });
        assert_eq!(times, 50);
    }
}

#[test]
fn taking_out_many_leaves_the_others() {
    let mut rng = Rng::new(2);
    for set in [set_of(0..12), set_of("abcdefgh".chars()), set_of(0..300)] {
        for count in 1..set.len() {
            let mut rest = set.clone();
            let mut taken = BTreeSet::new();
            rest.pop_many(&mut rng, count, LIMITS, |member| {
                assert!(taken.insert(member.to_vec()));
            });
            assert_eq!(taken.len(), count);
            taken.extend(members_of(&rest));
            assert_eq!(taken, members_of(&set));
        }
    }
    // When most of a table is taken out, what is left is compact again.
    let mut set = set_of(0..300);
    set.pop_many(&mut rng, 295, LIMITS, |_| ());
    assert_eq!((set.encoding(), set.len()), ("listpack", 5));
    let mut set = set_of(0..300);
    set.pop_many(&mut rng, 5, LIMITS, |_| ());
    assert_eq!(set.encoding(), "hashtable");
}

#[test]
fn what_comes_from_outside_is_checked() {
    let pack = |members: &[&[u8]]| {
        let mut pack = Listpack::new();
        members.iter().for_each(|member| pack.push_back(member));
        pack
    };
    let set = Set::from_listpack(pack(&[b"a", b"1"]), LIMITS).unwrap();
    assert_eq!((set.encoding(), set.len()), ("listpack", 2));
    assert!(Set::from_listpack(pack(&[b"a", b"a"]), LIMITS).is_none());
    let many: Vec<[u8; 1]> = (b'a'..b'j').map(|letter| [letter]).collect();
    let many: Vec<&[u8]> = many.iter().map(|member| &member[..]).collect();
    let set = Set::from_listpack(pack(&many), LIMITS).unwrap();
    assert_eq!((set.encoding(), set.len()), ("hashtable", 9));
}
