//! SORT, SORT_RO: the elements of a list, set or sorted set in order, or what keys made from them hold.
//!
//! ```text
//! elements -> weights (the element, or the key that BY leads to) -> sort -> LIMIT -> columns (GET) -> reply or STORE
//! ```
//!
//! The keys that BY and GET lead to are on any shard, so a call with such a pattern runs under a fence over all
//! (`keys::needs_all`). What collections have to provide is `elements_of`, and a hash its field in `follow`.

use std::cmp::Ordering;

use super::Result;
use super::keys::syntax;
use crate::base::{parse_f64, parse_i64};
use crate::command::ctx::{Ctx, Flow, Waiting};
use crate::command::list::limits;
use crate::config::KeyspaceEvents;
use crate::keyspace::{Db, Ttl, ValueRef};
use crate::resp::{Args, CommandError};
use crate::types::{Collection, End, Kind, List};

/// Sorts, and replies or stores the outcome.
pub fn sort(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let options = SortOptions::parse(args.from(2), true, cx.config.cluster_enabled)?;
    run(cx, args.arg(1), &options)
}

/// Sorts and replies the outcome.
pub fn sort_ro(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let options = SortOptions::parse(args.from(2), false, cx.config.cluster_enabled)?;
    run(cx, args.arg(1), &options)
}

/// Options of a call; the last of each counts, but for GET.
struct SortOptions<'a> {
    by: By<'a>,
    /// GET patterns: the columns of the outcome; without any, the element itself.
    columns: Vec<&'a [u8]>,
    /// LIMIT's offset and count; a negative count means all.
    limit: (i64, i64),
    descending: bool,
    alpha: bool,
    destination: Option<&'a [u8]>,
}

#[derive(Clone, Copy)]
enum By<'a> {
    /// The element itself.
    Element,
    /// What the key holds that this pattern leads to.
    Pattern(&'a [u8]),
    /// A pattern without a `*`: nothing is sorted.
    Nothing,
}

impl<'a> SortOptions<'a> {
    fn parse(
        args: Args<'a>,
        may_store: bool,
        in_cluster: bool,
    ) -> std::result::Result<SortOptions<'a>, CommandError> {
        let mut options = SortOptions {
            by: By::Element,
            columns: Vec::new(),
            limit: (0, -1),
            descending: false,
            alpha: false,
            destination: None,
        };
        let mut is_constant = false;
        let mut at = 0;
        while at < args.len() {
            let value = args.get(at + 1);
            let mut values = 0;
            if args.is(at, "ASC") {
                options.descending = false;
            } else if args.is(at, "DESC") {
                options.descending = true;
            } else if args.is(at, "ALPHA") {
                options.alpha = true;
            } else if args.is(at, "LIMIT")
                && let (Some(offset), Some(count)) = (value, args.get(at + 2))
            {
                let offset = parse_i64(offset).ok_or(CommandError::NOT_INTEGER)?;
                let count = parse_i64(count).ok_or(CommandError::NOT_INTEGER)?;
                options.limit = (offset, count);
                values = 2;
            } else if args.is(at, "STORE")
                && may_store
                && let Some(key) = value
            {
                options.destination = Some(key);
                values = 1;
            } else if args.is(at, "BY")
                && let Some(pattern) = value
            {
                if in_cluster && pattern.contains(&b'*') {
                    return Err(CommandError::SORT_BY_IN_CLUSTER);
                }
                // Once told not to sort, it stays at that.
                is_constant |= !pattern.contains(&b'*');
                options.by = By::Pattern(pattern);
                values = 1;
            } else if args.is(at, "GET")
                && let Some(pattern) = value
            {
                if in_cluster {
                    return Err(CommandError::SORT_GET_IN_CLUSTER);
                }
                options.columns.push(pattern);
                values = 1;
            } else {
                return syntax();
            }
            at += 1 + values;
        }
        if is_constant {
            options.by = By::Nothing;
        }
        Ok(options)
    }

    /// The part of `len` elements that LIMIT leaves.
    fn range(&self, len: usize) -> std::ops::Range<usize> {
        let start = usize::try_from(self.limit.0).unwrap_or(0).min(len);
        let count = usize::try_from(self.limit.1).unwrap_or(len);
        start..start.saturating_add(count).min(len)
    }
}

/// What is to be sorted.
#[derive(Default)]
struct Elements {
    list: Vec<Vec<u8>>,
    /// A set: the order is nobody's choice. Where it will be seen by others, it has to be made up.
    is_unordered: bool,
}

/// The elements of a value that has some.
fn elements_of(value: ValueRef<'_>) -> std::result::Result<Elements, CommandError> {
    match value {
        ValueRef::Collection(Collection::List(list)) => {
            let mut elements = Elements::default();
            list.visit(End::Front, 0, |item| {
                elements.list.push(item.to_vec());
                true
            });
            Ok(elements)
        }
        ValueRef::Collection(Collection::Set(set)) => {
            let mut elements = Elements {
                list: Vec::with_capacity(set.len()),
                is_unordered: true,
            };
            set.for_each(|member| elements.list.push(member.to_vec()));
            Ok(elements)
        }
        ValueRef::Collection(Collection::Zset(zset)) => Ok(Elements {
            list: zset.iter().map(|(member, _)| member.to_vec()).collect(),
            is_unordered: false,
        }),
        ValueRef::Str(_) | ValueRef::Collection(_) => Err(CommandError::WRONG_TYPE),
    }
}

/// Puts a list with the outcome under a key; an empty one removes the key.
fn store(cx: &mut Ctx<'_>, key: &[u8], cells: &[Option<Vec<u8>>]) {
    let texts = cells.iter().map(|cell| cell.as_deref().unwrap_or_default());
    let mut list = List::new();
    list.extend(End::Back, texts, limits(cx.config));
    let was_there = cx
        .db
        .set_collection(key, list.into_collection(), Ttl::Clear);
    if !cells.is_empty() {
        cx.notify(KeyspaceEvents::LIST, "sortstore", key);
        cx.dirty += cells.len() as u64;
    } else if was_there {
        cx.notify(KeyspaceEvents::GENERIC, "del", key);
        cx.dirty += 1;
    }
}

fn run(cx: &mut Ctx<'_>, key: &[u8], options: &SortOptions<'_>) -> Result {
    let elements = match cx.db.get(key) {
        Some(value) => elements_of(value)?,
        None => Elements::default(),
    };
    // What is kept, and what a script goes on with, must not depend on how a set is laid out.
    let is_seen = options.destination.is_some() || cx.waiting == Waiting::InScript;
    let outcome = outcome(elements, options, is_seen, |pattern, element| {
        follow(&mut cx.db, pattern, element)
    })?;
    if let Some(destination) = options.destination {
        store(cx, destination, &outcome);
        cx.reply.count(outcome.len());
    } else {
        cx.reply.array(outcome.len());
        for cell in &outcome {
            cx.reply.bulk_or_null(cell.as_deref());
        }
    }
    Ok(Flow::Done)
}

/// What a call replies or stores (`is_seen`: the order matters to more than whoever asks), given how to find out what the key holds that a pattern and an element lead to.
fn outcome(
    elements: Elements,
    options: &SortOptions<'_>,
    is_seen: bool,
    mut follow: impl FnMut(&[u8], &[u8]) -> Option<Vec<u8>>,
) -> std::result::Result<Vec<Option<Vec<u8>>>, CommandError> {
    let Elements {
        mut list,
        is_unordered,
    } = elements;
    let descending = options.descending;
    match options.by {
        By::Nothing if is_unordered && is_seen => sort_by_text(&mut list, descending),
        By::Nothing if descending && !is_unordered => list.reverse(),
        By::Nothing => {}
        By::Element if options.alpha => sort_by_text(&mut list, descending),
        By::Element => {
            let weights = list.iter().map(|element| number(element));
            let weights = weights.collect::<Option<Vec<f64>>>();
            let weights = weights.ok_or(CommandError::SORT_SCORES)?;
            list = sort_by_number(list, weights, descending);
        }
        By::Pattern(pattern) if options.alpha => {
            let mut rows: Vec<(Option<Vec<u8>>, Vec<u8>)> = list
                .into_iter()
                .map(|element| (follow(pattern, &element), element))
                .collect();
            rows.sort_by(|a, b| directed(a.0.cmp(&b.0), descending));
            list = rows.into_iter().map(|(_, element)| element).collect();
        }
        By::Pattern(pattern) => {
            let weights = list.iter().map(|element| match follow(pattern, element) {
                Some(weight) => number(&weight),
                None => Some(0.0),
            });
            let weights = weights.collect::<Option<Vec<f64>>>();
            let weights = weights.ok_or(CommandError::SORT_SCORES)?;
            list = sort_by_number(list, weights, descending);
        }
    }
    let range = options.range(list.len());
    let chosen = list.drain(range);
    if options.columns.is_empty() {
        return Ok(chosen.map(Some).collect());
    }
    let mut cells = Vec::with_capacity(chosen.len() * options.columns.len());
    for element in chosen {
        for column in &options.columns {
            cells.push(match *column {
                b"#" => Some(element.clone()),
                pattern => follow(pattern, &element),
            });
        }
    }
    if options.destination.is_some() {
        // A list cannot hold nothing.
        cells
            .iter_mut()
            .for_each(|cell| *cell = Some(cell.take().unwrap_or_default()));
    }
    Ok(cells)
}

fn sort_by_text(list: &mut [Vec<u8>], descending: bool) {
    list.sort_by(|a, b| directed(a.cmp(b), descending));
}

/// Sorts by weights, and what weighs the same by its text, so that the outcome is always the same.
fn sort_by_number(list: Vec<Vec<u8>>, weights: Vec<f64>, descending: bool) -> Vec<Vec<u8>> {
    let mut rows: Vec<(f64, Vec<u8>)> = weights.into_iter().zip(list).collect();
    rows.sort_by(|a, b| {
        let order = a.0.partial_cmp(&b.0).unwrap_or(Ordering::Equal);
        directed(order.then_with(|| a.1.cmp(&b.1)), descending)
    });
    rows.into_iter().map(|(_, element)| element).collect()
}

fn directed(order: Ordering, descending: bool) -> Ordering {
    match descending {
        true => order.reverse(),
        false => order,
    }
}

/// The number a text begins with blanks and ends with; nothing at all is 0, as C's `strtod` has it.
fn number(text: &[u8]) -> Option<f64> {
    match text {
        [] => Some(0.0),
        _ => parse_f64(text.trim_ascii_start()),
    }
}

/// What the string key holds that `pattern` names when its first `*` is replaced by `element`; with `->field` behind,
/// a field of a hash. A pattern without `*` leads nowhere.
fn follow(db: &mut Db<'_>, pattern: &[u8], element: &[u8]) -> Option<Vec<u8>> {
    let (key, field) = resolve(pattern, element)?;
    let now = db.horizon();
    match (db.get(&key)?, field) {
        (ValueRef::Str(text), None) => Some(text.to_vec()),
        (ValueRef::Collection(Collection::Hash(hash)), Some(field)) => {
            hash.get(field, now).map(|text| text.to_vec())
        }
        _ => None,
    }
}

/// The key, and the field of it, that a pattern names for an element.
fn resolve<'a>(pattern: &'a [u8], element: &[u8]) -> Option<(Vec<u8>, Option<&'a [u8]>)> {
    let star = memchr::memchr(b'*', pattern)?;
    let (prefix, mut suffix) = (&pattern[..star], &pattern[star + 1..]);
    let mut field = None;
    // An arrow at the end names no field: it belongs to the key.
    if let Some(arrow) = memchr::memmem::find(suffix, b"->")
        && arrow + 2 < suffix.len()
    {
        field = Some(&suffix[arrow + 2..]);
        suffix = &suffix[..arrow];
    }
    Some(([prefix, element, suffix].concat(), field))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::testing::check;
    use crate::resp::OwnedArgs;

    #[test]
    fn options_are_parsed_whatever_the_key_holds() {
        check(
            r#"
            SORT nope => []
            SORT nope BY w_* GET # GET o_*->f LIMIT 0 10 DESC ALPHA => []
            SORT_RO nope ASC => []
            SET s x
            SORT s => WRONGTYPE Operation against a key holding the wrong kind of value
            SORT_RO s BY nosort => WRONGTYPE Operation against a key holding the wrong kind of value
            SORT s FOO => ERR syntax error
            SORT nope BY => ERR syntax error
            SORT nope GET => ERR syntax error
            SORT nope STORE => ERR syntax error
            SORT nope LIMIT 1 => ERR syntax error
            SORT nope LIMIT 0 x => ERR value is not an integer or out of range
            SORT_RO nope STORE d => ERR syntax error
            @dirty => 1
            "#,
        );
    }

    #[test]
    fn members_of_a_set_are_sorted() {
        check(
            r#"
            SADD s 3 1 2
            SORT s => ["1", "2", "3"]
            SORT s DESC LIMIT 0 2 => ["3", "2"]
            SORT s BY nosort STORE d => 3
            LRANGE d 0 -1 => ["1", "2", "3"]
            SADD s x
            SORT s => ERR One or more scores can't be converted into double
            SORT s ALPHA => ["1", "2", "3", x]
            SORT s BY nosort DESC STORE d => 4
            LRANGE d 0 -1 => [x, "3", "2", "1"]
            SORT s BY nosort ~> ["1", "2", "3", x]
            "#,
        );
    }

    #[test]
    fn an_empty_outcome_removes_the_destination() {
        check(
            r#"
            SET d x
            SORT nope STORE other => 0
            SORT nope STORE d => 0
            EXISTS d => 0
            @dirty => 2
            "#,
        );
    }

    /// The outcome for these elements, with keys that hold these values.
    fn sorted(
        elements: &str,
        is_unordered: bool,
        options: &str,
        keys: &[(&str, &str)],
    ) -> std::result::Result<String, CommandError> {
        let words: OwnedArgs = options.split_whitespace().collect();
        let options = SortOptions::parse(words.as_args(), true, false).unwrap();
        let elements = Elements {
            list: elements.split(' ').map(|word| word.into()).collect(),
            is_unordered,
        };
        let is_seen = options.destination.is_some();
        let cells = outcome(elements, &options, is_seen, |pattern, element| {
            let (key, _) = resolve(pattern, element)?;
            let (_, value) = keys.iter().find(|(name, _)| name.as_bytes() == key)?;
            Some(value.as_bytes().to_vec())
        })?;
        let cells = cells.into_iter().map(|cell| match cell {
            Some(text) => String::from_utf8(text).unwrap(),
            None => "-".to_owned(),
        });
        Ok(cells.collect::<Vec<_>>().join(" "))
    }

    #[track_caller]
    fn check_sorted(elements: &str, options: &str, expected: &str) {
        let keys = [
            ("w_a", "3"),
            ("w_b", "1"),
            ("w_c", "2"),
            ("n_a", "x"),
            ("o_a", "A"),
            ("o_b", "B"),
        ];
        assert_eq!(
            sorted(elements, false, options, &keys).as_deref(),
            Ok(expected),
            "{options}"
        );
    }

    #[test]
    fn elements_are_ordered_as_numbers_or_as_text() {
        check_sorted("10 9 1.5 -2", "", "-2 1.5 9 10");
        check_sorted("10 9 1.5 -2", "DESC", "10 9 1.5 -2");
        check_sorted("10 9 1.5 -2", "DESC ASC", "-2 1.5 9 10");
        check_sorted("10 9 b a", "ALPHA", "10 9 a b");
        check_sorted("10 9 b a", "ALPHA DESC", "b a 9 10");
        check_sorted("1.0 1 01", "", "01 1 1.0");
        check_sorted("1.0 1 01", "DESC", "1.0 1 01");
        check_sorted("inf 1e3 -inf 0x10", "", "-inf 0x10 1e3 inf");
        for (elements, options) in [("1 x", ""), ("1 nan", ""), ("a", "BY n_*")] {
            assert_eq!(
                sorted(elements, false, options, &[("n_a", "x")]),
                Err(CommandError::SORT_SCORES)
            );
        }
        assert_eq!(number(b" 5"), Some(5.0));
        assert_eq!((number(b""), number(b"5 ")), (Some(0.0), None));
    }

    #[test]
    fn limits_cut_the_outcome() {
        for (limit, expected) in [
            ("0 2", "1 2"),
            ("1 2", "2 3"),
            ("3 10", "4"),
            ("4 10", ""),
            ("9 1", ""),
            ("-5 2", "1 2"),
            ("1 -1", "2 3 4"),
            ("0 0", ""),
            ("1 9223372036854775807", "2 3 4"),
        ] {
            check_sorted("3 1 4 2", &format!("LIMIT {limit}"), expected);
        }
    }

    #[test]
    fn patterns_lead_to_weights_and_columns() {
        check_sorted("a b c", "BY w_*", "b c a");
        check_sorted("a b c d", "BY w_* DESC", "a c b d");
        check_sorted("c a b", "BY w_* ALPHA", "b c a");
        check_sorted("c a x b", "BY w_* ALPHA DESC", "a c b x");
        check_sorted("c a b", "BY nosort", "c a b");
        check_sorted("c a b", "BY nosort DESC LIMIT 0 2", "b a");
        check_sorted("c a b", "BY nosort BY w_*", "c a b");
        check_sorted(
            "a b c",
            "BY w_* GET o_* GET # GET fixed",
            "B b - - c - A a -",
        );
        check_sorted("a c", "ALPHA GET o_* STORE d", "A ");
    }

    #[test]
    fn a_set_that_is_stored_unsorted_is_put_in_order() {
        let set = |options| sorted("c a b", true, options, &[]).unwrap();
        assert_eq!(set("BY nosort"), "c a b");
        assert_eq!(set("BY nosort DESC"), "c a b");
        assert_eq!(set("BY nosort STORE d"), "a b c");
    }

    #[test]
    fn patterns_name_a_key_and_perhaps_a_field() {
        let named = |pattern: &'static str| {
            resolve(pattern.as_bytes(), b"E").map(|(key, field)| {
                let field = field.map(|field| String::from_utf8_lossy(field).into_owned());
                (String::from_utf8(key).unwrap(), field)
            })
        };
        let key = |text: &str| Some((text.to_owned(), None));
        assert_eq!(named("w_*"), key("w_E"));
        assert_eq!(named("*_*"), key("E_*"));
        assert_eq!(named("w_*->"), key("w_E->"));
        assert_eq!(named("a->b*c"), key("a->bEc"));
        assert_eq!(
            named("h_*x->f->g"),
            Some(("h_Ex".to_owned(), Some("f->g".to_owned())))
        );
        assert_eq!(named("none"), None);
    }
}
