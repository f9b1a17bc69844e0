//! From a row's `syntax` text to the argument tree that COMMAND DOCS prints.
//!
//! The text is the notation of the documentation, which people read anyway, so a row needs no second
//! description of its arguments:
//!
//! ```text
//! name            an argument; its type follows from the name, or is written: `timeout:integer`
//! TOKEN           a word to be sent as it is (anything without lower-case letters, also `*` or `""`)
//! TOKEN name ..   the token belongs to the arguments that follow it, up to the next token or bracket
//! [..]            optional          <a|b>, [a|b]   one of
//! x [x ...]       once or more      [x [x ...]]    any number of times
//! ```
//!
//! If what is repeated starts with a token, the token is repeated too. Read only when somebody asks for
//! documentation, so nothing here is in a hurry.

use crate::resp::Reply;

/// An argument, or a group of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arg {
    /// Plain argument's name; empty for tokens and groups.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// The word to be sent before it (or, for a pure token, as it).
    pub token: Option<&'static str>,
    /// May be left out.
    pub is_optional: bool,
    /// May be repeated.
    pub is_multiple: bool,
    /// Its token is repeated as well.
    pub is_token_multiple: bool,
    /// The members of a group.
    pub parts: Vec<Arg>,
}

/// The type of an argument.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the names are the documentation's own type names"
)]
pub enum Kind {
    #[default]
    String,
    Integer,
    Double,
    Key,
    Pattern,
    UnixTime,
    PureToken,
    OneOf,
    Block,
}

impl Kind {
    const NAMES: [(Self, &'static str); 9] = [
        (Self::String, "string"),
        (Self::Integer, "integer"),
        (Self::Double, "double"),
        (Self::Key, "key"),
        (Self::Pattern, "pattern"),
        (Self::UnixTime, "unix-time"),
        (Self::PureToken, "pure-token"),
        (Self::OneOf, "oneof"),
        (Self::Block, "block"),
    ];

    /// The text of COMMAND DOCS.
    pub fn name(self) -> &'static str {
        Self::NAMES
            .iter()
            .find(|(kind, _)| *kind == self)
            .map_or("", |(_, name)| name)
    }

    /// The type that arguments with this name have, unless the syntax says otherwise.
    fn of_name(name: &str) -> Self {
        match name {
            "key" | "key1" | "key2" | "newkey" | "source" | "destination" | "src" | "dst"
            | "destkey" | "sourcekey" => Self::Key,
            "pattern" => Self::Pattern,
            "unix-time-seconds" | "unix-time-milliseconds" => Self::UnixTime,
            "height" | "width" | "radius" | "latitude" | "longitude" | "score" | "timeout" => {
                Self::Double
            }
            "bit" | "bits" | "client-id" | "cluster-bus-port" | "config-epoch" | "count"
            | "current-epoch" | "cursor" | "db" | "decrement" | "destination-db" | "end"
            | "end-slot" | "endslot" | "entries-added" | "entries-read" | "frequency"
            | "increment" | "index" | "index1" | "index2" | "integer" | "len" | "limit"
            | "maxage" | "maxcount" | "maxsize" | "milliseconds" | "min-match-len" | "ms"
            | "num-matches" | "numfields" | "numids" | "numkeys" | "numlocal" | "numranges"
            | "numreplicas" | "offset" | "port" | "protover" | "quorum" | "rank" | "seconds"
            | "size" | "slot" | "slot-last" | "slot-start" | "start" | "start-slot"
            | "startslot" | "stop" | "ttl" | "version" | "weight" => Self::Integer,
            _ => Self::String,
        }
    }
}

/// The arguments that `syntax` describes. Panics on a malformed text, which a test rules out for all rows.
pub fn arguments(syntax: &'static str) -> Vec<Arg> {
    let mut reader = Reader { rest: syntax };
    let args = group_tokens(reader.sequence().items);
    assert!(reader.rest.is_empty(), "unbalanced brackets in {syntax:?}");
    args
}

/// Writes the `arguments` array of COMMAND DOCS, of a command whose keys are found by `specs` specs.
pub(super) fn reply_arguments(args: &[Arg], specs: usize, reply: &mut Reply<'_>) {
    let mut places = KeyPlaces {
        specs,
        keys: keys_in(args),
        seen: 0,
    };
    reply_group(args, &mut places, reply);
}

/// How many arguments are keys, or several keys.
fn keys_in(args: &[Arg]) -> usize {
    args.iter()
        .map(|arg| usize::from(arg.kind == Kind::Key) + keys_in(&arg.parts))
        .sum()
}

/// Which spec finds which key. Both are in the order of the command, so they go together, but for two cases: one spec
/// may find several arguments (LCS), and there are specs of keys that no argument names (SORT's by patterns). A last one
/// is always the last.
struct KeyPlaces {
    specs: usize,
    keys: usize,
    seen: usize,
}

impl KeyPlaces {
    /// The spec of the next key; `None` if it is a key for its readers only (CLUSTER KEYSLOT).
    fn next(&mut self) -> Option<usize> {
        let at = self.seen;
        self.seen += 1;
        let last = self.specs.checked_sub(1)?;
        match at > 0 && self.seen == self.keys {
            true => Some(last),
            false => Some(at.min(last)),
        }
    }
}

fn reply_group(args: &[Arg], places: &mut KeyPlaces, reply: &mut Reply<'_>) {
    reply.array(args.len());
    for arg in args {
        let is_group = matches!(arg.kind, Kind::OneOf | Kind::Block);
        let flags = [
            (arg.is_optional, "optional"),
            (arg.is_multiple, "multiple"),
            (arg.is_token_multiple, "multiple_token"),
        ];
        let flags: Vec<_> = flags.iter().filter(|(is_set, _)| *is_set).collect();
        let spec = match arg.kind {
            Kind::Key => places.next(),
            // SORT's make keys, which no argument of type key names.
            Kind::Pattern if places.specs > places.keys => Some(places.seen),
            _ => None,
        };
        let pairs = 3
            + usize::from(spec.is_some())
            + usize::from(arg.token.is_some())
            + usize::from(!flags.is_empty());
        reply.map(pairs);
        let name = name_of(arg);
        reply.bulk_str("name");
        reply.bulk_str(&name);
        reply.bulk_str("type");
        reply.bulk_str(arg.kind.name());
        if !is_group {
            reply.bulk_str("display_text");
            reply.bulk_str(&name);
        }
        if let Some(spec) = spec {
            reply.bulk_str("key_spec_index");
            reply.integer(spec as i64);
        }
        if let Some(token) = arg.token {
            reply.bulk_str("token");
            reply.bulk_str(token);
        }
        if !flags.is_empty() {
            reply.bulk_str("flags");
            reply.set(flags.len());
            flags.iter().for_each(|(_, flag)| reply.simple(flag));
        }
        if is_group {
            reply.bulk_str("arguments");
            reply_group(&arg.parts, places, reply);
        }
    }
}

/// A name for every argument: groups without one are named after their token or first member.
fn name_of(arg: &Arg) -> String {
    match (arg.name, arg.token, arg.parts.first()) {
        ("", Some(token), _) if token.contains(|c: char| c.is_ascii_alphanumeric()) => {
            token.to_ascii_lowercase()
        }
        ("", Some("*"), _) => "auto-id".to_owned(),
        ("", Some("="), _) => "equal".to_owned(),
        ("", Some("~"), _) => "approximately".to_owned(),
        ("", Some("$"), _) => "new-id".to_owned(),
        ("", Some(_), _) => "empty-string".to_owned(),
        ("", None, Some(first)) if arg.kind == Kind::OneOf => format!("{}-choice", name_of(first)),
        ("", None, Some(first)) => format!("{}-block", name_of(first)),
        (name, _, _) => name.to_owned(),
    }
}

struct Reader {
    rest: &'static str,
}

/// Arguments up to a closing bracket, bar, or the end.
struct Sequence {
    /// Tokens are items of their own, not yet joined with what follows them.
    items: Vec<Arg>,
    /// The sequence ended in `...`: it repeats what came before its bracket.
    is_repetition: bool,
}

impl Reader {
    fn sequence(&mut self) -> Sequence {
        let mut sequence = Sequence {
            items: Vec::new(),
            is_repetition: false,
        };
        loop {
            self.rest = self.rest.trim_start();
            match self.rest.as_bytes().first() {
                None | Some(b']' | b'>' | b'|') => return sequence,
                Some(b'[') => {
                    self.skip(1);
                    let mut alternatives = self.alternatives();
                    if alternatives.len() == 1 && alternatives[0].is_repetition {
                        repeat(&mut sequence.items, alternatives.remove(0).items.len());
                    } else {
                        let mut arg = one_of(alternatives);
                        arg.is_optional = true;
                        sequence.items.push(arg);
                    }
                }
                Some(b'<') => {
                    self.skip(1);
                    let arg = one_of(self.alternatives());
                    sequence.items.push(arg);
                }
                Some(_) => {
                    let end = self
                        .rest
                        .find([' ', ']', '>', '|'])
                        .unwrap_or(self.rest.len());
                    let word = self.skip(end);
                    if word == "..." {
                        sequence.is_repetition = true;
                    } else {
                        sequence.items.push(plain(word));
                    }
                }
            }
        }
    }

    /// Sequences between bars, up to and including the closing bracket.
    fn alternatives(&mut self) -> Vec<Sequence> {
        let mut alternatives = vec![self.sequence()];
        while self.rest.starts_with('|') {
            self.skip(1);
            alternatives.push(self.sequence());
        }
        assert!(
            self.rest.starts_with([']', '>']),
            "a bracket is not closed before {:?}",
            self.rest
        );
        self.skip(1);
        alternatives
    }

    fn skip(&mut self, bytes: usize) -> &'static str {
        let (skipped, rest) = self.rest.split_at(bytes);
        self.rest = rest;
        skipped
    }
}

/// A token, or an argument with its type.
fn plain(word: &'static str) -> Arg {
    if !word.contains(|c: char| c.is_ascii_lowercase()) {
        return Arg {
            kind: Kind::PureToken,
            token: Some(word),
            ..Arg::default()
        };
    }
    if let Some((name, written)) = word.rsplit_once(':')
        && let Some((kind, _)) = Kind::NAMES.iter().find(|(_, text)| *text == written)
    {
        return Arg {
            name,
            kind: *kind,
            ..Arg::default()
        };
    }
    Arg {
        name: word,
        kind: Kind::of_name(word),
        ..Arg::default()
    }
}

/// The last `count` items may come several times.
fn repeat(items: &mut Vec<Arg>, count: usize) {
    assert!(
        (1..=items.len()).contains(&count),
        "a repetition of more than there is"
    );
    let mut arg = join(items.split_off(items.len() - count));
    arg.is_multiple = true;
    arg.is_token_multiple = arg.token.is_some();
    items.push(arg);
}

fn one_of(alternatives: Vec<Sequence>) -> Arg {
    let mut parts: Vec<_> = alternatives
        .into_iter()
        .map(|one| join(one.items))
        .collect();
    if parts.len() == 1 {
        return parts.remove(0);
    }
    Arg {
        kind: Kind::OneOf,
        parts,
        ..Arg::default()
    }
}

/// Several items as one.
fn join(items: Vec<Arg>) -> Arg {
    let mut items = group_tokens(items);
    if items.len() == 1 {
        return items.remove(0);
    }
    Arg {
        kind: Kind::Block,
        parts: items,
        ..Arg::default()
    }
}

/// Gives the arguments after a token to the token.
fn group_tokens(items: Vec<Arg>) -> Vec<Arg> {
    let mut grouped: Vec<Arg> = Vec::new();
    let mut items = items.into_iter().peekable();
    while let Some(item) = items.next() {
        let is_bare_token = item.kind == Kind::PureToken && !item.is_optional && !item.is_multiple;
        let mut owned = Vec::new();
        while is_bare_token
            && let Some(next) = items.next_if(|next| !next.is_optional && next.token.is_none())
        {
            owned.push(next);
        }
        grouped.push(match owned.len() {
            0 => item,
            1 => Arg {
                token: item.token,
                ..owned.remove(0)
            },
            _ => Arg {
                kind: Kind::Block,
                token: item.token,
                parts: owned,
                ..Arg::default()
            },
        });
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::super::table;
    use super::*;

    /// Prints a tree: `?` optional, `+` multiple, `++` with its token, `{..}` block, `(..)` one of.
    fn tree(args: &[Arg]) -> String {
        args.iter().map(node).collect::<Vec<_>>().join(" ")
    }

    fn node(arg: &Arg) -> String {
        let body = match arg.kind {
            Kind::PureToken => String::new(),
            Kind::OneOf => format!("({})", tree(&arg.parts)),
            Kind::Block => format!("{{{}}}", tree(&arg.parts)),
            kind => format!("{}:{}", arg.name, kind.name()),
        };
        let token = arg.token.unwrap_or_default();
        let joint = if token.is_empty() || body.is_empty() {
            ""
        } else {
            "="
        };
        let marks = [
            (arg.is_optional, "?"),
            (arg.is_multiple, "+"),
            (arg.is_token_multiple, "+"),
        ];
        let marks: String = marks
            .iter()
            .filter(|(is_set, _)| *is_set)
            .map(|(_, m)| *m)
            .collect();
        format!("{token}{joint}{body}{marks}")
    }

    fn check(syntax: &'static str, want: &str) {
        assert_eq!(tree(&arguments(syntax)), want, "{syntax}");
    }

    #[test]
    fn syntax_becomes_a_tree() {
        check("", "");
        check("key value", "key:key value:string");
        check("key [key ...]", "key:key+");
        check("key [element [element ...]]", "key:key element:string?+");
        check("key value [key value ...]", "{key:key value:string}+");
        check("[NX|XX] [GET]", "(NX XX)? GET?");
        check("[EX seconds|KEEPTTL]", "(EX=seconds:integer KEEPTTL)?");
        check(
            "[LIMIT offset count]",
            "LIMIT={offset:integer count:integer}?",
        );
        check("[GET pattern [GET pattern ...]]", "GET=pattern:pattern?++");
        check(
            "[KEYS key [key ...]]",
            "KEYS=key:key+?".replace("+?", "?+").as_str(),
        );
        check("[COUNT count [ANY]]", "{COUNT=count:integer ANY?}?");
        check(
            "<host port|NO ONE>",
            "({host:string port:integer} {NO ONE})",
        );
        check("<MIN|MAX> [COUNT count]", "(MIN MAX) COUNT=count:integer?");
        check("[AGGREGATE <SUM|MIN>]", "AGGREGATE=(SUM MIN)?");
        check("<*|id> timeout:integer", "(* id:string) timeout:integer");
        check(
            "[BLOCK milliseconds] STREAMS key [key ...] id [id ...]",
            "BLOCK=milliseconds:integer? STREAMS={key:key+ id:string+}",
        );
        check(
            "FIELDS numfields field [field ...]",
            "FIELDS={numfields:integer field:string+}",
        );
    }

    #[test]
    fn the_syntax_of_every_row_can_be_read_and_names_every_group() {
        fn visit(spec: &str, args: &[Arg]) {
            for arg in args {
                assert!(!name_of(arg).is_empty(), "{spec}: {arg:?}");
                assert_eq!(
                    arg.parts.is_empty(),
                    !matches!(arg.kind, Kind::OneOf | Kind::Block),
                    "{spec}: {arg:?}"
                );
                visit(spec, &arg.parts);
            }
        }
        for spec in table::all() {
            visit(spec.name, &arguments(spec.syntax));
            assert!(!spec.is_container() || spec.syntax.is_empty(), "{spec:?}");
        }
    }

    #[test]
    fn keys_and_specs_go_together() {
        for (keys, specs, want) in [
            (1, 1, &[Some(0)][..]),
            (2, 2, &[Some(0), Some(1)]),
            (2, 1, &[Some(0), Some(0)]),
            (2, 3, &[Some(0), Some(2)]),
            (1, 2, &[Some(0)]),
            (1, 0, &[None]),
        ] {
            let mut places = KeyPlaces {
                specs,
                keys,
                seen: 0,
            };
            let found: Vec<_> = (0..keys).map(|_| places.next()).collect();
            assert_eq!(found, want, "{keys} keys, {specs} specs");
        }
    }

    /// A key that specs find has a name of type key in the syntax.
    #[test]
    fn commands_with_keys_document_them() {
        fn has_key(args: &[Arg]) -> bool {
            args.iter()
                .any(|arg| arg.kind == Kind::Key || has_key(&arg.parts))
        }
        for spec in table::all().iter().filter(|spec| spec.has_keys()) {
            assert!(has_key(&arguments(spec.syntax)), "{spec:?}");
        }
    }
}
