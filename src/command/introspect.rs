//! The COMMAND family: the table, as clients see it.
//!
//! Pure functions of the table, the names that are valid here and the arguments. `args[0]` is `command`,
//! `args[1]` the subcommand's word. Aggregates follow the reference server: sets and maps in RESP3, flat
//! arrays in RESP2, status replies for flags.

use super::acl::{Categories, category_by_name};
use super::docs;
use super::history;
use super::keys;
use super::lookup::{Lookup, Resolved};
use super::spec::{Begin, CommandSpec, Find, KeySpec, flag};
use crate::base::glob::glob_match;
use crate::resp::{Args, CommandError, Reply};

/// COMMAND: describes all commands.
pub fn command(names: &Lookup, reply: &mut Reply<'_>) {
    reply.array(names.commands().count());
    names
        .commands()
        .for_each(|spec| reply_info(names, spec, reply));
}

/// COMMAND COUNT.
pub fn command_count(names: &Lookup, reply: &mut Reply<'_>) {
    reply.count(names.commands().count());
}

/// COMMAND INFO [name ..]: a name may be `container|word`; an unknown one yields null.
pub fn command_info(names: &Lookup, args: Args<'_>, reply: &mut Reply<'_>) {
    if args.len() == 2 {
        return command(names, reply);
    }
    let asked = args.from(2);
    reply.array(asked.len());
    for name in asked.iter() {
        match names.full(name) {
            Some(spec) => reply_info(names, spec, reply),
            None => reply.null(),
        }
    }
}

/// COMMAND DOCS [name ..]: unknown names are left out.
pub fn command_docs(names: &Lookup, args: Args<'_>, reply: &mut Reply<'_>) {
    let asked: Vec<_> = if args.len() == 2 {
        names.commands().collect()
    } else {
        args.from(2)
            .iter()
            .filter_map(|name| names.full(name))
            .collect()
    };
    reply.map(asked.len());
    for spec in asked {
        reply.bulk_str(spec.name);
        reply_docs(names, spec, reply);
    }
}

/// COMMAND LIST [FILTERBY MODULE name | ACLCAT category | PATTERN pattern]: full names, subcommands too.
pub fn command_list(
    names: &Lookup,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let filter = Filter::parse(args)?;
    let mark = reply.mark();
    let mut count = 0;
    for spec in names.commands() {
        for spec in std::iter::once(spec).chain(names.subcommands(spec)) {
            if filter.takes(spec) {
                reply.bulk_str(spec.name);
                count += 1;
            }
        }
    }
    reply.set_array(mark, count);
    Ok(())
}

/// COMMAND GETKEYS command [arg ..].
pub fn command_getkeys(
    names: &Lookup,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let call = args.from(2);
    let keys = keys_of_call(names, call)?;
    reply.array(keys.len());
    keys.iter()
        .for_each(|key| reply.bulk(call.arg(key.index as usize)));
    Ok(())
}

/// COMMAND GETKEYSANDFLAGS command [arg ..].
pub fn command_getkeysandflags(
    names: &Lookup,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let call = args.from(2);
    let keys = keys_of_call(names, call)?;
    reply.array(keys.len());
    for key in keys.iter() {
        reply.array(2);
        reply.bulk(call.arg(key.index as usize));
        reply_names(key.flags.names(), reply);
    }
    Ok(())
}

/// COMMAND HELP.
pub fn command_help(reply: &mut Reply<'_>) {
    reply_help(
        "COMMAND",
        &[
            "(no subcommand)",
            "    Describe all commands.",
            "COUNT",
            "    Count the commands of this server.",
            "DOCS [<command-name> ...]",
            "    Print the documentation of the named commands, or of all.",
            "GETKEYS <full-command>",
            "    Find the keys in a full command.",
            "GETKEYSANDFLAGS <full-command>",
            "    Find the keys in a full command, and how each is used.",
            "INFO [<command-name> ...]",
            "    Describe the named commands, or all.",
            "LIST [FILTERBY (MODULE <module-name>|ACLCAT <category>|PATTERN <pattern>)]",
            "    List the names of all commands, or of those that the filter takes.",
        ],
        reply,
    );
}

/// The reply of any container's HELP: a heading, `lines`, and HELP itself.
pub fn reply_help(container: &str, lines: &[&str], reply: &mut Reply<'_>) {
    reply.array(lines.len() + 3);
    reply.simple(&format!(
        "{container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"
    ));
    lines.iter().for_each(|line| reply.simple(line));
    reply.simple("HELP");
    reply.simple("    Print this help.");
}

fn keys_of_call(names: &Lookup, call: Args<'_>) -> Result<keys::KeyList, CommandError> {
    let Resolved::Command(spec) = names.resolve(call) else {
        return Err(CommandError::COMMAND_INVALID);
    };
    if !spec.has_keys() {
        return Err(CommandError::COMMAND_NO_KEYS);
    }
    if !spec.accepts(call.len()) {
        return Err(CommandError::COMMAND_INVALID_COUNT);
    }
    match keys::listed_keys(spec, call) {
        Ok(list) if !list.is_empty() => Ok(list),
        _ if spec.flags.has(flag::NO_MANDATORY_KEYS) => Ok(keys::KeyList::default()),
        _ => Err(CommandError::COMMAND_INVALID_ARGS),
    }
}

enum Filter<'a> {
    All,
    /// Nothing: there are no modules, or the category is unknown.
    Nothing,
    Category(Categories),
    Pattern(&'a [u8]),
}

impl<'a> Filter<'a> {
    fn parse(args: Args<'a>) -> Result<Self, CommandError> {
        match args.len() {
            2 => Ok(Self::All),
            5 if args.is(2, "filterby") => {
                let value = args.arg(4);
                if args.is(3, "module") {
                    Ok(Self::Nothing)
                } else if args.is(3, "aclcat") {
                    Ok(category_by_name(value).map_or(Self::Nothing, Self::Category))
                } else if args.is(3, "pattern") {
                    Ok(Self::Pattern(value))
                } else {
                    Err(CommandError::SYNTAX)
                }
            }
            _ => Err(CommandError::SYNTAX),
        }
    }

    fn takes(&self, spec: &CommandSpec) -> bool {
        match self {
            Self::All => true,
            Self::Nothing => false,
            Self::Category(category) => spec.acl.has(*category),
            Self::Pattern(pattern) => glob_match(pattern, spec.name.as_bytes(), true),
        }
    }
}

/// The ten fields of COMMAND INFO.
fn reply_info(names: &Lookup, spec: &'static CommandSpec, reply: &mut Reply<'_>) {
    let (first, last, step) = spec.key_range;
    reply.array(10);
    reply.bulk_str(spec.name);
    reply.integer(i64::from(spec.arity));
    reply_names(spec.flags.names(), reply);
    for number in [first, last, step] {
        reply.integer(i64::from(number));
    }
    reply.set(spec.acl.names().count());
    spec.acl
        .names()
        .for_each(|name| reply.simple(&format!("@{name}")));
    reply.set(spec.tips.len());
    spec.tips.iter().for_each(|tip| reply.bulk_str(tip));
    reply.set(spec.key_specs.len());
    spec.key_specs
        .iter()
        .for_each(|key_spec| reply_key_spec(key_spec, reply));
    // The reference server sends subcommands as an array, but their absence as an empty set.
    if !spec.is_container() {
        return reply.set(0);
    }
    reply.array(names.subcommands(spec).count());
    names
        .subcommands(spec)
        .for_each(|sub| reply_info(names, sub, reply));
}

fn reply_key_spec(spec: &KeySpec, reply: &mut Reply<'_>) {
    reply.map(3 + usize::from(spec.notes.is_some()));
    if let Some(notes) = spec.notes {
        reply.bulk_str("notes");
        reply.bulk_str(notes);
    }
    reply.bulk_str("flags");
    reply_names(spec.flags.names(), reply);
    reply.bulk_str("begin_search");
    match spec.begin {
        Begin::Index(index) => reply_rule("index", &[("index", i64::from(index))], reply),
        Begin::Keyword(word, from) => {
            reply.map(2);
            reply.bulk_str("type");
            reply.bulk_str("keyword");
            reply.bulk_str("spec");
            reply.map(2);
            reply.bulk_str("keyword");
            reply.bulk_str(word);
            reply.bulk_str("startfrom");
            reply.integer(i64::from(from));
        }
        Begin::Unknown => reply_rule("unknown", &[], reply),
    }
    reply.bulk_str("find_keys");
    match spec.find {
        Find::Range { last, step, limit } => reply_rule(
            "range",
            &[
                ("lastkey", last.into()),
                ("keystep", step.into()),
                ("limit", limit.into()),
            ],
            reply,
        ),
        Find::KeyNum { index, first, step } => reply_rule(
            "keynum",
            &[
                ("keynumidx", index.into()),
                ("firstkey", first.into()),
                ("keystep", step.into()),
            ],
            reply,
        ),
        Find::Unknown => reply_rule("unknown", &[], reply),
    }
}

/// `type` and `spec` of a rule.
fn reply_rule(kind: &str, numbers: &[(&str, i64)], reply: &mut Reply<'_>) {
    reply.map(2);
    reply.bulk_str("type");
    reply.bulk_str(kind);
    reply.bulk_str("spec");
    reply.map(numbers.len());
    for (name, number) in numbers {
        reply.bulk_str(name);
        reply.integer(*number);
    }
}

/// The map that COMMAND DOCS has for each command.
fn reply_docs(names: &Lookup, spec: &'static CommandSpec, reply: &mut Reply<'_>) {
    let doc_flags = [
        (spec.deprecated_since.is_some(), "deprecated"),
        (spec.flags.has(flag::SYSCMD), "syscmd"),
    ];
    let doc_flags: Vec<_> = doc_flags.iter().filter(|(is_set, _)| *is_set).collect();
    let arguments = docs::arguments(spec.syntax);
    let changes = history::of(spec.name);
    let texts = [
        ("summary", Some(spec.summary)),
        ("since", Some(spec.since)),
        ("group", Some(spec.group.name())),
        ("complexity", Some(spec.complexity)),
    ];
    let after_flags = [
        ("deprecated_since", spec.deprecated_since),
        ("replaced_by", spec.replaced_by),
    ];
    let pairs = texts
        .iter()
        .chain(&after_flags)
        .filter(|(_, text)| text.is_some())
        .count()
        + usize::from(!doc_flags.is_empty())
        + usize::from(!changes.is_empty())
        + usize::from(!arguments.is_empty())
        + usize::from(spec.is_container());
    reply.map(pairs);
    reply_texts(&texts, reply);
    if !doc_flags.is_empty() {
        reply.bulk_str("doc_flags");
        reply_names(doc_flags.iter().map(|(_, name)| *name), reply);
    }
    reply_texts(&after_flags, reply);
    if !changes.is_empty() {
        reply.bulk_str("history");
        reply.set(changes.len());
        for (version, change) in changes {
            reply.array(2);
            reply.bulk_str(version);
            reply.bulk_str(change);
        }
    }
    if !arguments.is_empty() {
        reply.bulk_str("arguments");
        docs::reply_arguments(&arguments, spec.key_specs.len(), reply);
    }
    if spec.is_container() {
        reply.bulk_str("subcommands");
        reply.map(names.subcommands(spec).count());
        for sub in names.subcommands(spec) {
            reply.bulk_str(sub.name);
            reply_docs(names, sub, reply);
        }
    }
}

fn reply_texts(texts: &[(&str, Option<&str>)], reply: &mut Reply<'_>) {
    for (name, text) in texts {
        if let Some(text) = text {
            reply.bulk_str(name);
            reply.bulk_str(text);
        }
    }
}

/// A set of status replies.
fn reply_names<'a>(names: impl Iterator<Item = &'a str> + Clone, reply: &mut Reply<'_>) {
    reply.set(names.clone().count());
    names.for_each(|name| reply.simple(name));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::{Output, OwnedArgs, Proto};

    /// The reply to a line of words, in RESP3, with spaces for line ends.
    fn ask(line: &str) -> String {
        let mut args = OwnedArgs::default();
        line.split(' ').for_each(|word| args.push(word.as_bytes()));
        let args = args.as_args();
        let names = Lookup::default();
        let mut out = Output::new();
        let mut reply = Reply::new(&mut out, Proto::Resp3);
        let mut done = Ok(());
        match args.get(1).unwrap_or_default() {
            b"info" => command_info(&names, args, &mut reply),
            b"docs" => command_docs(&names, args, &mut reply),
            b"count" => command_count(&names, &mut reply),
            b"list" => done = command_list(&names, args, &mut reply),
            b"getkeys" => done = command_getkeys(&names, args, &mut reply),
            b"getkeysandflags" => done = command_getkeysandflags(&names, args, &mut reply),
            _ => command_help(&mut reply),
        }
        match done {
            Ok(()) => String::from_utf8(out.flatten())
                .unwrap()
                .replace("\r\n", " "),
            Err(error) => format!("-{error}"),
        }
    }

    #[test]
    fn info_has_ten_fields_and_null_for_unknown_names() {
        let reply = ask("command info get nope");
        assert_eq!(
            reply,
            "*2 *10 $3 get :2 ~2 +readonly +fast :1 :1 :1 ~3 +@read +@string +@fast ~0 ~1 %3 \
             $5 flags ~2 +RO +access $12 begin_search %2 $4 type $5 index $4 spec %1 $5 index :1 \
             $9 find_keys %2 $4 type $5 range $4 spec %3 $7 lastkey :0 $7 keystep :1 $5 limit :0 \
             ~0 _ "
        );
        assert!(ask("command info client|list").starts_with("*1 *10 $11 client|list :-2 "));
        assert!(ask("command info xread").contains("%2 $7 keyword $7 STREAMS $9 startfrom :1 "));
    }

    #[test]
    fn docs_leave_unknown_names_out() {
        assert_eq!(ask("command docs nope"), "%0 ");
        let reply = ask("command docs setex nope");
        assert!(reply.starts_with("%1 $5 setex %8 $7 summary "), "{reply}");
        assert!(reply.contains("$9 doc_flags ~1 +deprecated $16 deprecated_since $6 2.6.12 "));
        assert!(
            reply.contains("$4 name $7 seconds $4 type $7 integer $12 display_text $7 seconds ")
        );
        assert!(ask("command docs object").contains("$15 object|encoding %"));
    }

    #[test]
    fn lists_can_be_filtered() {
        assert_eq!(
            ask("command list filterby pattern Z*COUNT"),
            "*2 $6 zcount $9 zlexcount "
        );
        assert!(ask("command list filterby aclcat hyperloglog").contains("$7 pfcount "));
        assert_eq!(ask("command list filterby aclcat nope"), "*0 ");
        assert_eq!(ask("command list filterby module json"), "*0 ");
        assert_eq!(ask("command list filterby what x"), "-ERR syntax error");
        assert_eq!(ask("command list filterby pattern"), "-ERR syntax error");
    }

    #[test]
    fn keys_are_found_or_refused_with_the_reason() {
        assert_eq!(ask("command getkeys mset a 1 b 2"), "*2 $1 a $1 b ");
        assert_eq!(
            ask("command getkeysandflags set k v get"),
            "*1 *2 $1 k ~3 +RW +access +update "
        );
        assert_eq!(ask("command getkeys eval s 0"), "*0 ");
        assert_eq!(
            ask("command getkeys ping"),
            "-ERR The command has no key arguments"
        );
        assert_eq!(
            ask("command getkeys nope"),
            "-ERR Invalid command specified"
        );
        assert_eq!(
            ask("command getkeys get"),
            "-ERR Invalid number of arguments specified for command"
        );
        assert_eq!(
            ask("command getkeys zunion 9 a"),
            "-ERR Invalid arguments specified for command"
        );
    }

    #[test]
    fn count_is_that_of_the_version_we_report() {
        let known = Lookup::default().commands().count();
        assert_eq!(ask("command count"), format!(":{known} "));
        assert!(known >= 241, "Redis 7.2 has 241 commands, here are {known}");
    }
}
