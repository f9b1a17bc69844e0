//! INFO: which sections are asked for, and how they become one text.
//!
//! All cores publish their counters, so the asking core adds them up and needs nobody else, with few exceptions: how
//! often each error code was replied, which keys are waited for, and how long values are, each core knows alone, and is
//! asked. Numbers are not from one instant;
//! what a client did before it asked is always in them, because its replies were counted before they were sent.

use super::Result;
use super::fields::{self, Text};
use crate::command::ctx::{BlockingKeys, Flow, Gather, HomeCtx};
use crate::resp::Args;
use std::collections::BTreeMap;

/// One part of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Section {
    Server,
    Clients,
    Memory,
    Persistence,
    Stats,
    Replication,
    Cpu,
    Modules,
    Commandstats,
    Errorstats,
    Latencystats,
    Cluster,
    Keyspace,
    Keysizes,
    Shards,
    Debug,
}

/// When a section is shown without being named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
enum Shown {
    ByDefault,
    InAll,
    InEverything,
    Named,
}

/// In the order of the text.
const SECTIONS: &[(Section, &str, Shown)] = &[
    (Section::Server, "server", Shown::ByDefault),
    (Section::Clients, "clients", Shown::ByDefault),
    (Section::Memory, "memory", Shown::ByDefault),
    (Section::Persistence, "persistence", Shown::ByDefault),
    (Section::Stats, "stats", Shown::ByDefault),
    (Section::Replication, "replication", Shown::ByDefault),
    (Section::Cpu, "cpu", Shown::ByDefault),
    (Section::Modules, "modules", Shown::ByDefault),
    (Section::Commandstats, "commandstats", Shown::InAll),
    (Section::Errorstats, "errorstats", Shown::ByDefault),
    (Section::Latencystats, "latencystats", Shown::InAll),
    (Section::Cluster, "cluster", Shown::ByDefault),
    (Section::Keyspace, "keyspace", Shown::ByDefault),
    (Section::Keysizes, "keysizes", Shown::InAll),
    (Section::Shards, "shards", Shown::InEverything),
    (Section::Debug, "debug", Shown::Named),
];

/// The sections that the words after INFO ask for, in the order of the text, each once. Unknown words ask for nothing.
fn asked_for(words: Args<'_>) -> Vec<Section> {
    let mut level = words.is_empty().then_some(Shown::ByDefault);
    let mut named: Vec<&[u8]> = Vec::new();
    for word in words.iter() {
        let wider = match word {
            _ if word.eq_ignore_ascii_case(b"default") => Shown::ByDefault,
            _ if word.eq_ignore_ascii_case(b"all") => Shown::InAll,
            _ if word.eq_ignore_ascii_case(b"everything") => Shown::InEverything,
            _ => {
                named.push(word);
                continue;
            }
        };
        level = Some(level.map_or(wider, |level| if wider > level { wider } else { level }));
    }
    let is_asked = |name: &str, shown: Shown| {
        level.is_some_and(|level| shown <= level)
            || named
                .iter()
                .any(|word| word.eq_ignore_ascii_case(name.as_bytes()))
    };
    let rows = SECTIONS
        .iter()
        .filter(|(_, name, shown)| is_asked(name, *shown));
    rows.map(|(section, ..)| *section).collect()
}

/// The state and the figures of the server.
pub fn info(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    let sections = asked_for(args.from(1));
    // The text up to each place where something is to be put that the cores are asked for, and what; then the rest.
    let mut pieces: Vec<(Text, Asked)> = Vec::new();
    let mut text = Text::default();
    for section in sections {
        let asked = match section {
            Section::Clients => Some(Asked::BlockingKeys),
            Section::Errorstats => Some(Asked::Errors),
            Section::Keysizes => Some(Asked::Lengths),
            _ => None,
        };
        let out = &mut text;
        match section {
            Section::Server => fields::server(out, cx),
            Section::Clients => fields::clients(out, cx),
            Section::Memory => fields::memory(out, cx),
            Section::Persistence => fields::persistence(out, cx),
            Section::Stats => fields::stats(out, cx),
            Section::Replication => fields::replication(out, cx),
            Section::Cpu => fields::cpu(out),
            Section::Modules => out.section("Modules"),
            Section::Commandstats => fields::commandstats(out, cx),
            Section::Errorstats => out.section("Errorstats"),
            Section::Latencystats => fields::latencystats(out, cx),
            Section::Cluster => fields::cluster(out, cx),
            Section::Keyspace => fields::keyspace(out, cx),
            Section::Keysizes => out.section("Keysizes"),
            Section::Shards => fields::shards(out, cx),
            Section::Debug => fields::debug(out, cx),
        }
        if let Some(asked) = asked {
            pieces.push((std::mem::replace(&mut text, Text::continued()), asked));
        }
    }
    if pieces.is_empty() {
        cx.reply.verbatim("txt", text.as_bytes());
        return Ok(Flow::Done);
    }
    let wants_lengths = (pieces.iter()).any(|(_, asked)| matches!(asked, Asked::Lengths));
    Ok(Flow::Gather(Gather::new(
        move |core| {
            let lengths = match wants_lengths {
                true => core.store().lengths().cloned().collect(),
                false => Vec::new(),
            };
            let errors = core.error_counts().clone();
            (errors, (core.blocking_keys(), lengths))
        },
        move |answers, reply| {
            let (errors, rest): (Vec<_>, Vec<_>) = answers.into_iter().unzip();
            let (keys, lengths): (Vec<BlockingKeys>, Vec<_>) = rest.into_iter().unzip();
            let mut whole = Text::default();
            let mut errors = Some(errors);
            for (piece, asked) in &pieces {
                whole.append(piece);
                match asked {
                    Asked::BlockingKeys => fields::blocking_keys(&mut whole, &keys),
                    Asked::Lengths => fields::keysizes(&mut whole, &lengths),
                    Asked::Errors => {
                        for (code, count) in sum_by_code(errors.take().unwrap_or_default()) {
                            let code = String::from_utf8_lossy(&code).into_owned();
                            whole.line(&format!("errorstat_{code}"), format_args!("count={count}"));
                        }
                    }
                }
            }
            whole.append(&text);
            reply.verbatim("txt", whole.as_bytes());
        },
    )))
}

/// What each core knows for itself.
#[derive(Clone, Copy)]
enum Asked {
    BlockingKeys,
    Errors,
    Lengths,
}

/// Counts of all cores together, by code in alphabetical order.
fn sum_by_code(counts: Vec<Vec<(Box<[u8]>, u64)>>) -> BTreeMap<Box<[u8]>, u64> {
    let mut sums = BTreeMap::new();
    for (code, count) in counts.into_iter().flatten() {
        *sums.entry(code).or_insert(0) += count;
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::OwnedArgs;

    fn asked(words: &[&str]) -> Vec<Section> {
        let args: OwnedArgs = words.iter().collect();
        asked_for(args.as_args())
    }

    #[test]
    fn sections_come_in_their_own_order_and_once() {
        assert_eq!(
            asked(&["keyspace", "CPU", "cpu", "nosuch"]),
            [Section::Cpu, Section::Keyspace]
        );
        assert_eq!(asked(&["nosuch"]), []);
        assert_eq!(asked(&[]), asked(&["default"]));
        assert_eq!(asked(&["default", "server"]), asked(&[]));
    }

    #[test]
    fn all_adds_the_statistics_of_commands_and_everything_our_own() {
        let all = asked(&["all"]);
        assert!(all.contains(&Section::Latencystats) && !all.contains(&Section::Shards));
        assert!(!asked(&[]).contains(&Section::Commandstats));
        let everything = asked(&["all", "everything"]);
        assert!(everything.contains(&Section::Shards) && !everything.contains(&Section::Debug));
        assert_eq!(asked(&["all", "shards"]).last(), Some(&Section::Shards));
    }

    #[test]
    fn error_counts_of_cores_add_up() {
        let row = |code: &str, count| (Box::from(code.as_bytes()), count);
        let sums = sum_by_code(vec![
            vec![row("WRONGTYPE", 1), row("ERR", 2)],
            vec![row("ERR", 5)],
        ]);
        let sums: Vec<(Box<[u8]>, u64)> = sums.into_iter().collect();
        assert_eq!(sums, [row("ERR", 7), row("WRONGTYPE", 1)]);
    }
}
