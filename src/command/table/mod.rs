//! All commands and subcommands: one flat array, put together at compile time from a file per group.
//!
//! A container is followed by its subcommands, so a subcommand list is a range of ids. The rows of commands
//! that this server does not know yet are here too: what was never promised (newer than Redis 7.2) stays
//! unknown to clients until it is built, and shows up by itself once its `runs` says what to run.

mod array;
mod bitmap;
mod cluster;
mod connection;
mod generic;
mod geo;
mod hash;
mod hyperloglog;
mod list;
mod pubsub;
mod scripting;
mod sentinel;
mod server;
mod set;
mod sorted_set;
mod stream;
mod string;
mod transactions;

use super::spec::{CommandSpec, Row};

/// What the files of rows need.
mod prelude {
    pub(super) use crate::command::acl::category;
    pub(super) use crate::command::keys;
    pub(super) use crate::command::spec::Find::Range;
    pub(super) use crate::command::spec::Merge::*;
    pub(super) use crate::command::spec::Run::*;
    pub(super) use crate::command::spec::{Group, Project, Route, Row};
    pub(super) use crate::command::spec::{after, at, counted, range, row, unknown};
    pub(super) use crate::command::spec::{flag::*, key_flag::*};
}

/// Every command and subcommand, in id order.
#[inline]
pub fn all() -> &'static [CommandSpec] {
    &TABLE
}

/// The command or subcommand with this id. Panics if there is none.
#[inline]
pub fn by_id(id: u16) -> &'static CommandSpec {
    &TABLE[usize::from(id)]
}

/// How many commands and subcommands there are: the length of arrays that are indexed by id.
pub const COUNT: usize = count();

const GROUPS: &[&[Row]] = &[
    generic::ROWS,
    string::ROWS,
    list::ROWS,
    set::ROWS,
    sorted_set::ROWS,
    hash::ROWS,
    pubsub::ROWS,
    transactions::ROWS,
    connection::ROWS,
    server::ROWS,
    scripting::ROWS,
    hyperloglog::ROWS,
    cluster::ROWS,
    sentinel::ROWS,
    geo::ROWS,
    stream::ROWS,
    bitmap::ROWS,
    array::ROWS,
];

/// The same as a constant, for what is computed from it at compile time.
pub(super) const CONST_TABLE: &[CommandSpec; COUNT] = &flatten();
static TABLE: [CommandSpec; COUNT] = *CONST_TABLE;

const fn count() -> usize {
    let (mut total, mut group) = (0, 0);
    while group < GROUPS.len() {
        let rows = GROUPS[group];
        let mut i = 0;
        while i < rows.len() {
            total += 1 + rows[i].subcommand_rows().len();
            i += 1;
        }
        group += 1;
    }
    total
}

const fn flatten() -> [CommandSpec; COUNT] {
    let mut table = [GROUPS[0][0].place(0, None); COUNT];
    let (mut id, mut group) = (0, 0);
    while group < GROUPS.len() {
        let rows = GROUPS[group];
        let mut i = 0;
        while i < rows.len() {
            let container = id as u16;
            table[id] = rows[i].place(container, None);
            id += 1;
            let subs = rows[i].subcommand_rows();
            let mut j = 0;
            while j < subs.len() {
                table[id] = subs[j].place(id as u16, Some(container));
                id += 1;
                j += 1;
            }
            i += 1;
        }
        group += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::super::lookup::lookup_full;
    use super::super::spec::{Begin, Find, KeySpec, Run, Tier, flag};
    use super::*;

    /// One line a command, taken from the reference servers: name, arity, flags, ACL categories,
    /// first,last,step, key specs, tips.
    const EXPECTED: &str = include_str!("expected.tsv");

    /// Commands and subcommands that are still missing, and why.
    const NOT_BUILT: &str = include_str!("not_built.txt");

    fn words<'a>(words: impl Iterator<Item = &'a str>) -> String {
        let text = words.collect::<Vec<_>>().join(" ");
        if text.is_empty() {
            "-".to_owned()
        } else {
            text
        }
    }

    fn sorted(text: &str) -> Vec<&str> {
        let mut words: Vec<_> = text.split(' ').collect();
        words.sort_unstable();
        words
    }

    fn key_spec_text(spec: &KeySpec) -> String {
        let begin = match spec.begin {
            Begin::Index(index) => format!("idx:{index}"),
            Begin::Keyword(word, from) => format!("kw:{word}@{from}"),
            Begin::Unknown => "?".to_owned(),
        };
        let find = match spec.find {
            Find::Range { last, step, limit } => format!("range:{last},{step},{limit}"),
            Find::KeyNum { index, first, step } => format!("keynum:{index},{first},{step}"),
            Find::Unknown => "?".to_owned(),
        };
        format!("{begin}/{find}[{}]", words(spec.flags.names()))
    }

    #[test]
    fn every_row_is_what_the_reference_servers_print() {
        let mut seen = vec![false; COUNT];
        for line in EXPECTED.lines().skip(1) {
            let cells: Vec<_> = line.split('\t').collect();
            let [name, arity, flags, acl, range, key_specs, tips] = cells[..] else {
                panic!("{line}")
            };
            let spec = all()
                .iter()
                .find(|spec| spec.name == name)
                .unwrap_or_else(|| panic!("{name}"));
            seen[usize::from(spec.id)] = true;
            assert_eq!(spec.arity.to_string(), arity, "{name}");
            assert_eq!(words(spec.flags.names()), flags, "{name}");
            assert_eq!(sorted(&words(spec.acl.names())), sorted(acl), "{name}");
            let (first, last, step) = spec.key_range;
            assert_eq!(format!("{first},{last},{step}"), range, "{name}");
            let mut specs = spec
                .key_specs
                .iter()
                .map(key_spec_text)
                .collect::<Vec<_>>()
                .join("; ");
            if specs.is_empty() {
                specs.push('-');
            }
            assert_eq!(specs, key_specs, "{name}");
            assert_eq!(
                sorted(&words(spec.tips.iter().copied())),
                sorted(tips),
                "{name}"
            );
        }
        let extra: Vec<_> = all()
            .iter()
            .filter(|spec| !seen[usize::from(spec.id)])
            .collect();
        assert!(extra.is_empty(), "rows without a reference: {extra:?}");
    }

    #[test]
    fn ids_are_positions_and_containers_own_the_range_after_them() {
        for (at, spec) in all().iter().enumerate() {
            assert_eq!(usize::from(spec.id), at);
            for sub in spec.subcommands() {
                assert_eq!(sub.container, Some(spec.id));
                assert_eq!(sub.name, format!("{}|{}", spec.name, sub.word));
            }
            if let Some(id) = spec.container {
                assert!(by_id(id).subcommands().iter().any(|sub| sub.id == spec.id));
            }
        }
    }

    #[test]
    fn missing_commands_are_exactly_the_listed_ones() {
        let missing: Vec<_> = all()
            .iter()
            .filter(|spec| spec.run.is_not_built())
            .map(|spec| spec.name)
            .collect();
        let is_name = |line: &&str| !line.is_empty() && !line.starts_with('#');
        let listed: Vec<_> = NOT_BUILT.lines().filter(is_name).collect();
        let gone: Vec<_> = listed
            .iter()
            .filter(|name| !missing.contains(name))
            .collect();
        let new: Vec<_> = missing
            .iter()
            .filter(|name| !listed.contains(name))
            .collect();
        assert!(
            gone.is_empty(),
            "built now, take them off not_built.txt: {gone:?}"
        );
        assert!(new.is_empty(), "not built and not listed: {new:?}");
    }

    #[test]
    fn newer_commands_are_unknown_until_they_are_built() {
        for spec in all().iter().filter(|spec| spec.tier == Tier::Newer) {
            let is_built = !matches!(spec.run, Run::NotBuilt | Run::Container);
            let has_built = spec.subcommands().iter().any(|sub| !sub.run.is_not_built());
            assert_eq!(spec.is_known(), is_built || has_built, "{spec:?}");
            let is_here = spec.is_known() && !spec.flags.has(flag::ONLY_SENTINEL);
            assert_eq!(
                lookup_full(spec.name.as_bytes()).is_some(),
                is_here,
                "{spec:?}"
            );
        }
    }
}
