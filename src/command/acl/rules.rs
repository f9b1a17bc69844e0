//! ACL rules: `on`, `>password`, `~keys:*`, `+@read`, `-debug`, `(~other +get)`.
//!
//! Rules change a user one after the other. What they allow is kept twice: as a set of commands, which is what is
//! checked, and as a list of rules from which that set can be made again, which is what is shown. The list begins with
//! all commands or none; a rule for a command or category takes the place of earlier ones for the same.

use crate::command::lookup::lookup_full;
use crate::command::spec::CommandSpec;
use crate::command::table::COUNT;
use crate::config::split_words;
use crate::session::{KeyPattern, Password, Selector, User};

use super::categories::{category_by_name, commands_in};

/// What is wrong with a rule. `Display` is the text clients see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleError {
    /// There is no such command or category.
    Unknown,
    /// Not a rule.
    Syntax,
    /// A key pattern where all keys are allowed already.
    KeysAfterAll,
    /// A channel pattern where all channels are allowed already.
    ChannelsAfterAll,
    /// A password to be removed is not there.
    NoSuchPassword,
    /// Not the digest of a password.
    BadDigest,
    /// `+config|get|maxmemory`.
    FirstArgOfSubcommand,
}

impl std::fmt::Display for RuleError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            RuleError::Unknown => "Unknown command or category name in ACL",
            RuleError::Syntax => "Syntax error",
            RuleError::KeysAfterAll => {
                "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any \
                 effect. Try 'resetkeys' to start with an empty list of patterns"
            }
            RuleError::ChannelsAfterAll => {
                "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any \
                 effect. Try 'resetchannels' to start with an empty list of channels"
            }
            RuleError::NoSuchPassword => {
                "The password you are trying to remove from the user does not exist"
            }
            RuleError::BadDigest => {
                "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters"
            }
            RuleError::FirstArgOfSubcommand => {
                "Allowing first-arg of a subcommand is not supported"
            }
        })
    }
}

/// How rules are applied.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// `acl-pubsub-default`: permissions begin with all channels.
    pub all_channels: bool,
}

impl Rules {
    /// A user who may do nothing yet.
    pub fn new_user(self, name: &[u8]) -> User {
        User {
            root: self.new_selector(),
            ..User::new(name)
        }
    }

    fn new_selector(self) -> Selector {
        Selector {
            all_channels: self.all_channels,
            ..Selector::default()
        }
    }

    /// Changes a user by one rule. After an error the user is as before.
    pub fn apply(self, user: &mut User, rule: &[u8]) -> Result<(), RuleError> {
        match &rule.to_ascii_lowercase()[..] {
            b"" => {}
            b"on" => user.enabled = true,
            b"off" => user.enabled = false,
            b"skip-sanitize-payload" => user.skip_sanitize = true,
            b"sanitize-payload" => user.skip_sanitize = false,
            b"nopass" => {
                user.no_password = true;
                user.passwords.clear();
            }
            b"resetpass" => {
                user.no_password = false;
                user.passwords.clear();
            }
            b"clearselectors" => user.selectors.clear(),
            b"reset" => {
                let kept = User::new(&user.name);
                *user = User {
                    generation: user.generation,
                    root: self.new_selector(),
                    ..kept
                };
            }
            _ => return self.apply_other(user, rule),
        }
        Ok(())
    }

    fn apply_other(self, user: &mut User, rule: &[u8]) -> Result<(), RuleError> {
        match rule {
            [b'>' | b'#', ..] => {
                let password = password(rule)?;
                if !user.passwords.contains(&password) {
                    user.passwords.push(password);
                }
                user.no_password = false;
            }
            [b'<' | b'!', ..] => {
                let password = password(rule)?;
                let known = user.passwords.iter().position(|known| *known == password);
                user.passwords
                    .remove(known.ok_or(RuleError::NoSuchPassword)?);
            }
            [b'(', inner @ .., b')'] => {
                let mut selector = self.new_selector();
                for rule in split_words(inner).unwrap_or_default() {
                    change(&mut selector, &rule)?;
                }
                user.selectors.push(selector);
            }
            _ => change(&mut user.root, rule)?,
        }
        Ok(())
    }
}

/// Puts selectors together that were cut at their spaces: `(~a`, `+get)`. On failure says which argument is opened and
/// not closed.
pub(super) fn merge_selectors(words: &[impl AsRef<[u8]>]) -> Result<Vec<Vec<u8>>, usize> {
    let mut rules: Vec<Vec<u8>> = Vec::with_capacity(words.len());
    let mut open = None;
    for (at, word) in words.iter().map(AsRef::as_ref).enumerate() {
        let closes = word.last() == Some(&b')');
        match (open, rules.last_mut()) {
            (Some(_), Some(rule)) => {
                rule.push(b' ');
                rule.extend_from_slice(word);
                open = open.filter(|_| !closes);
            }
            _ => {
                rules.push(word.to_vec());
                open = (word.first() == Some(&b'(') && !closes).then_some(at);
            }
        }
    }
    open.map_or(Ok(rules), Err)
}

/// Names and patterns are words of a line, so they have no blanks; and no zeroes.
pub(super) fn has_blanks(text: &[u8]) -> bool {
    text.iter()
        .any(|byte| matches!(byte, b' ' | b'\t'..=b'\r' | 0))
}

fn password(rule: &[u8]) -> Result<Password, RuleError> {
    let text = &rule[1..];
    match rule[0] {
        b'>' | b'<' => Ok(Password::of(text)),
        _ => Password::parse(text).ok_or(RuleError::BadDigest),
    }
}

/// Changes one set of permissions by one rule.
fn change(selector: &mut Selector, rule: &[u8]) -> Result<(), RuleError> {
    match &rule.to_ascii_lowercase()[..] {
        b"allkeys" | b"~*" => {
            selector.all_keys = true;
            selector.keys.clear();
        }
        b"resetkeys" => {
            selector.all_keys = false;
            selector.keys.clear();
        }
        b"allchannels" | b"&*" => {
            selector.all_channels = true;
            selector.channels.clear();
        }
        b"resetchannels" => {
            selector.all_channels = false;
            selector.channels.clear();
        }
        b"allcommands" | b"+@all" => begin_with(selector, true),
        b"nocommands" | b"-@all" => begin_with(selector, false),
        _ => match rule {
            [b'~' | b'%', ..] => add_keys(selector, rule)?,
            [b'&', pattern @ ..] => add_channels(selector, pattern)?,
            [sign @ (b'+' | b'-'), b'@', name @ ..] => {
                change_category(selector, name, *sign == b'+')?;
            }
            [b'+', name @ ..] => match name.iter().rposition(|byte| *byte == b'|') {
                Some(bar) => allow_part(selector, name, bar)?,
                None => {
                    let spec = lookup_full(name).ok_or(RuleError::Unknown)?;
                    change_command(selector, spec, true);
                    note(selector, spec.name.as_bytes(), true);
                }
            },
            [b'-', name @ ..] => {
                let spec = lookup_full(name).ok_or(RuleError::Unknown)?;
                change_command(selector, spec, false);
                note(selector, spec.name.as_bytes(), false);
            }
            _ => return Err(RuleError::Syntax),
        },
    }
    Ok(())
}

fn begin_with(selector: &mut Selector, all: bool) {
    selector.all_commands = all;
    selector.begins_with_all = all;
    selector.commands.fill(COUNT, all);
    selector.first_args.clear();
    selector.rules.clear();
}

fn add_keys(selector: &mut Selector, rule: &[u8]) -> Result<(), RuleError> {
    if selector.all_keys {
        return Err(RuleError::KeysAfterAll);
    }
    let (mut read, mut write) = (rule[0] == b'~', rule[0] == b'~');
    let mut at = 1;
    if rule[0] == b'%' {
        loop {
            match rule.get(at) {
                Some(b'r' | b'R') if !read => read = true,
                Some(b'w' | b'W') if !write => write = true,
                Some(b'~') if read || write => break,
                None if read || write => break,
                _ => return Err(RuleError::Syntax),
            }
            at += 1;
        }
        at += 1;
    }
    let pattern = rule.get(at..).unwrap_or_default();
    if has_blanks(pattern) {
        return Err(RuleError::Syntax);
    }
    match selector
        .keys
        .iter_mut()
        .find(|key| *key.pattern == *pattern)
    {
        Some(known) => {
            known.read |= read;
            known.write |= write;
        }
        None => selector.keys.push(KeyPattern {
            pattern: pattern.into(),
            read,
            write,
        }),
    }
    Ok(())
}

fn add_channels(selector: &mut Selector, pattern: &[u8]) -> Result<(), RuleError> {
    if selector.all_channels {
        return Err(RuleError::ChannelsAfterAll);
    }
    if has_blanks(pattern) {
        return Err(RuleError::Syntax);
    }
    if !selector.channels.iter().any(|known| **known == *pattern) {
        selector.channels.push(pattern.into());
    }
    Ok(())
}

fn change_category(selector: &mut Selector, name: &[u8], allow: bool) -> Result<(), RuleError> {
    let category = category_by_name(name).ok_or(RuleError::Unknown)?;
    for spec in commands_in(category) {
        change_command(selector, spec, allow);
    }
    note(selector, &[b"@", name].concat(), allow);
    Ok(())
}

/// `+config|get`, or for a command without subcommands the old form `+select|0`. `bar` is the last one.
fn allow_part(selector: &mut Selector, name: &[u8], bar: usize) -> Result<(), RuleError> {
    let (command, part) = (&name[..bar], &name[bar + 1..]);
    let spec = lookup_full(command).ok_or(RuleError::Unknown)?;
    if spec.container.is_some() {
        return Err(RuleError::FirstArgOfSubcommand);
    }
    if part.is_empty() {
        return Err(RuleError::Syntax);
    }
    if spec.is_container() {
        let spec = lookup_full(name).ok_or(RuleError::Unknown)?;
        change_command(selector, spec, true);
    } else {
        let known = &mut selector.first_args;
        let is_known = known
            .iter()
            .any(|(id, first)| *id == spec.id && first.eq_ignore_ascii_case(part));
        if !is_known {
            tracing::warn!(
                "Deprecation warning: Allowing a first arg of an otherwise blocked command is a misuse of ACL and \
                 may get disabled in the future (offender: +{})",
                String::from_utf8_lossy(name)
            );
            known.push((spec.id, part.into()));
        }
    }
    note(selector, name, true);
    Ok(())
}

/// Allows or forbids a command with its subcommands.
fn change_command(selector: &mut Selector, spec: &'static CommandSpec, allow: bool) {
    if !allow && selector.all_commands {
        selector.all_commands = false;
        selector.commands.fill(COUNT, true);
    }
    selector.commands.set(spec.id, allow);
    selector.first_args.retain(|(id, _)| *id != spec.id);
    for sub in spec.subcommands() {
        selector.commands.set(sub.id, allow);
    }
}

/// Keeps a rule in place of those for the same command or category, or for a part of it.
fn note(selector: &mut Selector, what: &[u8], allow: bool) {
    let what = what.to_ascii_lowercase();
    selector.rules.retain(|known| {
        let rest = known[1..].strip_prefix(&what[..]);
        !matches!(rest, Some([] | [b'|', ..]))
    });
    let sign: &[u8] = if allow { b"+" } else { b"-" };
    selector.rules.push([sign, &what].concat().into());
}

#[cfg(test)]
mod tests {
    use super::super::describe;
    use super::*;

    const RULES: Rules = Rules {
        all_channels: false,
    };

    fn user(rules: &str) -> User {
        let mut user = RULES.new_user(b"bob");
        for rule in rules.split(' ') {
            RULES.apply(&mut user, rule.as_bytes()).unwrap();
        }
        user
    }

    #[track_caller]
    fn check(rules: &str, shown: &str) {
        let user = user(rules);
        let text = String::from_utf8(describe(&user)).unwrap();
        assert_eq!(text, format!("off sanitize-payload {shown}"), "{rules}");
        // What is shown makes the same set of commands again, also for a selector.
        let mut again = RULES.new_user(b"bob");
        for rule in text.split(' ') {
            RULES.apply(&mut again, rule.as_bytes()).unwrap();
        }
        for id in 0..COUNT as u16 {
            let allowed = |selector: &Selector| selector.all_commands || selector.commands.has(id);
            assert_eq!(allowed(&user.root), allowed(&again.root), "{rules}: {id}");
        }
        assert_eq!(describe(&again), text.into_bytes());
    }

    #[track_caller]
    fn refused(rules: &str, error: RuleError) {
        let (before, last) = rules.rsplit_once(' ').unwrap_or(("", rules));
        let mut user = user(before);
        let shown = describe(&user);
        assert_eq!(RULES.apply(&mut user, last.as_bytes()), Err(error));
        assert_eq!(describe(&user), shown, "nothing has changed");
    }

    #[test]
    fn rules_are_shown_in_the_order_that_makes_them_again() {
        check("", "resetchannels -@all");
        check("+GET", "resetchannels -@all +get");
        check("+get -get", "resetchannels -@all -get");
        check("+@all -get +get", "resetchannels +@all +get");
        check(
            "+@read -@hash +hget",
            "resetchannels -@all +@read -@hash +hget",
        );
        check("+@Read +get -@READ", "resetchannels -@all +get -@read");
        check(
            "+config|get +config|set",
            "resetchannels -@all +config|get +config|set",
        );
        check(
            "+config|get +config|set +config",
            "resetchannels -@all +config",
        );
        check(
            "+config -config|set",
            "resetchannels -@all +config -config|set",
        );
        check(
            "+SELECT|0 +select|1 +select|0",
            "resetchannels -@all +select|1 +select|0",
        );
        check("+select|0 -select", "resetchannels -@all -select");
        check("+@all +get nocommands", "resetchannels -@all");
        check(
            "allcommands -@admin +acl|whoami",
            "resetchannels +@all -@admin +acl|whoami",
        );
    }

    #[test]
    fn patterns_of_keys_and_channels() {
        check("~a ~b ~a &c &d", "~a ~b resetchannels &c &d -@all");
        check("%R~a %w~b %Wr~c", "%R~a %W~b ~c resetchannels -@all");
        check("%R~a %W~a", "~a resetchannels -@all");
        check("~a ~* allchannels", "~* &* -@all");
        check(
            "allkeys resetkeys ~x &* resetchannels &y",
            "~x resetchannels &y -@all",
        );
        refused("~* ~a", RuleError::KeysAfterAll);
        refused("~* %R~a", RuleError::KeysAfterAll);
        refused("&* &a", RuleError::ChannelsAfterAll);
        for wrong in [
            "%~a", "%", "%RR~a", "%X~a", "%R!~a", "~a\tb", "&a\0", "what", ")", "@read",
        ] {
            let wrong = wrong.replace("\\t", "\t").replace("\\0", "\0");
            refused(&wrong, RuleError::Syntax);
        }
    }

    #[test]
    fn names_must_be_those_of_commands() {
        for unknown in [
            "+nope",
            "-nope",
            "+@nope",
            "-@all@",
            "+config|nope",
            "-select|0",
            "+",
            "-",
        ] {
            refused(unknown, RuleError::Unknown);
        }
        refused("+select|", RuleError::Syntax);
        refused("+config|get|a", RuleError::FirstArgOfSubcommand);
    }

    #[test]
    fn a_container_brings_its_subcommands() {
        let id = |name: &str| lookup_full(name.as_bytes()).unwrap().id;
        let user = user("+client -client|kill");
        assert!(user.root.commands.has(id("client|list")));
        assert!(!user.root.commands.has(id("client|kill")));
    }

    #[test]
    fn the_default_user_can_be_narrowed() {
        let id = |name: &str| lookup_full(name.as_bytes()).unwrap().id;
        let mut user = User::unlimited(b"default");
        RULES.apply(&mut user, b"-get").unwrap();
        assert!(!user.root.commands.has(id("get")) && user.root.commands.has(id("set")));
        assert!(!user.is_unlimited());
        assert_eq!(
            describe(&user),
            b"on nopass sanitize-payload ~* &* +@all -get"
        );
    }

    /// Whatever is put together, nothing breaks, and what is shown makes the same user again.
    #[test]
    fn any_rules_can_be_written_down_and_read_again() {
        const PARTS: &[&str] = &[
            "+",
            "-",
            "@",
            "~",
            "%",
            "&",
            "|",
            "(",
            ")",
            " ",
            "*",
            "R",
            "w",
            "get",
            "config",
            "all",
            "read",
            "select",
            "0",
            "allkeys",
            "resetkeys",
            "nopass",
            ">",
            "<",
            "#",
            "!",
            "\"",
            "\\",
            "\0",
            "\u{fc}",
        ];
        let mut rng = crate::base::Rng::new(7);
        for _ in 0..500 {
            let mut user = RULES.new_user(b"bob");
            for _ in 0..20 {
                let parts = (0..1 + rng.index(5)).map(|_| PARTS[rng.index(PARTS.len())]);
                let rule: String = parts.collect();
                let _ = RULES.apply(&mut user, rule.as_bytes());
            }
            let shown = describe(&user);
            let words: Vec<&[u8]> = shown.split(|byte| *byte == b' ').collect();
            let mut again = RULES.new_user(b"bob");
            let merged = merge_selectors(&words);
            let rules = merged.unwrap_or_default();
            // A selector's pattern may end in a parenthesis or hold a quote: then it does not read as it was written.
            let is_odd = |byte: &u8| matches!(byte, b'(' | b')' | b'"' | b'\\');
            let odd = |selector: &Selector| {
                let keys = selector.keys.iter().map(|key| &key.pattern);
                keys.chain(&selector.channels)
                    .chain(&selector.rules)
                    .any(|text| text.iter().any(is_odd))
            };
            if user.selectors().any(odd) {
                continue;
            }
            for rule in &rules {
                let text = String::from_utf8_lossy(rule);
                assert_eq!(RULES.apply(&mut again, rule), Ok(()), "{text}");
            }
            assert_eq!(describe(&again), shown);
        }
    }

    #[test]
    fn passwords_come_and_go() {
        let mut user = user("on >a >b >a <a");
        assert!(user.accepts(b"b") && !user.accepts(b"a"));
        let digest = Password::of(b"a").hex();
        RULES
            .apply(&mut user, format!("#{digest}").as_bytes())
            .unwrap();
        assert!(user.accepts(b"a"));
        RULES
            .apply(&mut user, format!("!{digest}").as_bytes())
            .unwrap();
        assert_eq!(
            RULES.apply(&mut user, b"<a"),
            Err(RuleError::NoSuchPassword)
        );
        assert_eq!(RULES.apply(&mut user, b"#12"), Err(RuleError::BadDigest));
        RULES.apply(&mut user, b"nopass").unwrap();
        assert!(user.is_open() && user.passwords.is_empty());
        RULES.apply(&mut user, b"reset").unwrap();
        assert_eq!(describe(&user), b"off sanitize-payload resetchannels -@all");
    }

    #[test]
    fn selectors_may_come_in_pieces() {
        let merge = |text: &str| {
            let words: Vec<&[u8]> = text.split(' ').map(str::as_bytes).collect();
            merge_selectors(&words).map(|rules| {
                let rules: Vec<_> = rules
                    .iter()
                    .map(|rule| String::from_utf8_lossy(rule))
                    .collect();
                rules.join("/")
            })
        };
        assert_eq!(merge("on (~a +get) off").unwrap(), "on/(~a +get)/off");
        assert_eq!(merge("( ~a +get ) (~b)").unwrap(), "( ~a +get )/(~b)");
        assert_eq!(merge("(a (b (c ) )").unwrap(), "(a (b (c )/)");
        assert_eq!(merge("on (~a +get"), Err(1));
        let mut user = user("+@all");
        RULES.apply(&mut user, b"( %R~a +get )").unwrap();
        RULES.apply(&mut user, b"()").unwrap();
        assert_eq!(
            String::from_utf8(describe(&user)).unwrap(),
            "off sanitize-payload resetchannels +@all (%R~a resetchannels -@all +get) (resetchannels -@all)"
        );
        assert_eq!(RULES.apply(&mut user, b"(+nope)"), Err(RuleError::Unknown));
    }
}
