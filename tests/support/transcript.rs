//! The text of a check, cut into steps.
//!
//! ```text
//! SET k v => OK; GET k => "v"          steps end at ';' or at the end of a line
//! c2: GET k => "v"                     another connection; the first one is c1
//! SET k {{x*600000}}                   no '=>': any reply but an error will do
//! PEXPIREAT k {{now_ms+5000}} => 1     also now_s; {{$name}} is what '@name' matched before
//! eventually EXISTS k => 0             asked again until it is so, or the deadline passes
//! c2: read => push["invalidate", ["k"]]   the next message, without sending anything
//! raw "PING\r\n" => PONG               bytes as they are
//! c2: close                            closes our side
//! [7.2] CLIENT NO-TOUCH on => OK       what 7.2 answers: asked of ours, and of a peer that new
//! [ours] COMMAND COUNT => 1..          not asked of a peer
//! # a comment
//! ```
//! Words are separated by blanks; a word that starts with `"` takes `\r \n \t \0 \" \\ \xHH`. A newline
//! inside the brackets of an expectation does not end the step.

use super::clock;
use super::resp::Value;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    Command(Vec<String>),
    /// A command asked again until the expectation holds.
    Eventually(Vec<String>),
    Raw(String),
    Read,
    Close,
}

/// Whose answer the expectation describes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Scope {
    Everyone,
    /// Ours, and peers of at least this version.
    Since(u32, u32),
    Ours,
}

#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// As written, for failure reports.
    pub(crate) text: String,
    pub(crate) conn: String,
    pub(crate) scope: Scope,
    pub(crate) action: Action,
    /// Empty: anything but an error.
    pub(crate) expect: String,
}

impl Step {
    /// Whether the step needs what an earlier reply brought.
    pub(crate) fn uses_saved(&self) -> bool {
        self.text.contains("{{$")
    }

    /// The command name in capitals; empty for steps that send none.
    pub(crate) fn words(&self) -> &[String] {
        match &self.action {
            Action::Command(words) | Action::Eventually(words) => words,
            _ => &[],
        }
    }
}

/// Cuts a transcript into steps; panics on a line it cannot read, since that is a mistake in the test.
pub(crate) fn parse(text: &str) -> Vec<Step> {
    split_steps(text)
        .iter()
        .map(|line| parse_step(line))
        .collect()
}

fn split_steps(text: &str) -> Vec<String> {
    let mut steps = Vec::new();
    for paragraph in join_continued(text) {
        let mut step = String::new();
        let mut quoted = false;
        let mut escaped = false;
        for c in paragraph.chars() {
            match c {
                _ if escaped => escaped = false,
                '\\' if quoted => escaped = true,
                '"' => quoted = !quoted,
                ';' if !quoted => {
                    steps.push(std::mem::take(&mut step));
                    continue;
                }
                _ => {}
            }
            step.push(c);
        }
        steps.push(step);
    }
    steps.retain(|step| !step.trim().is_empty());
    steps.iter().map(|step| step.trim().to_string()).collect()
}

/// Lines, comments dropped, where an expectation left open by brackets takes in the following lines.
fn join_continued(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut open = 0;
    for line in text.lines() {
        if line.trim_start().starts_with("# ") || line.trim() == "#" {
            continue;
        }
        if open > 0 {
            let last = lines.last_mut().expect("something is open");
            last.push(' ');
            last.push_str(line.trim());
        } else {
            lines.push(line.to_string());
        }
        open = open_brackets(lines.last().expect("just pushed"));
    }
    lines
}

/// How many brackets of the line's last expectation are still open. Error texts are prose and not counted.
fn open_brackets(line: &str) -> i32 {
    let mut depth = 0;
    let mut quoted = false;
    let mut regex = false;
    let mut counting = false;
    let mut previous = ' ';
    let mut chars = line.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' if quoted || regex => {
                chars.next();
            }
            '"' if !regex => quoted = !quoted,
            _ if quoted => {}
            '/' if counting && (regex || !previous.is_ascii_alphanumeric() || previous == 't') => {
                regex = !regex;
            }
            _ if regex => {}
            '=' if line[at..].starts_with("=> ") && previous == ' ' => {
                let rest = line[at + 3..].trim_start();
                counting = !rest.starts_with(|c: char| c.is_ascii_uppercase());
                chars.next();
            }
            ';' => counting = false,
            '[' | '{' if counting => depth += 1,
            ']' | '}' if counting => depth -= 1,
            _ => {}
        }
        previous = c;
    }
    depth
}

fn parse_step(line: &str) -> Step {
    let (left, expect) = split_arrow(line);
    let mut rest = left.trim();
    let mut scope = Scope::Everyone;
    let mut conn = "c1";
    if let Some(tagged) = rest.strip_prefix('[') {
        let (tag, after) = tagged.split_once(']').expect("a tag ends with ]");
        scope = match tag {
            "ours" => Scope::Ours,
            version => {
                let (major, minor) = version.split_once('.').expect("a tag is [ours] or [7.2]");
                let number = |text: &str| text.parse().expect("a version number");
                Scope::Since(number(major), number(minor))
            }
        };
        rest = after.trim_start();
    }
    if let Some((name, after)) = rest.split_once(": ")
        && name.starts_with('c')
        && name[1..].chars().all(|c| c.is_ascii_digit())
    {
        conn = name;
        rest = after.trim_start();
    }
    let mut words = split_words(rest);
    assert!(!words.is_empty(), "no command in step: {line}");
    let action = match words[0].as_str() {
        "eventually" => Action::Eventually(words.split_off(1)),
        "raw" => Action::Raw(words.swap_remove(1)),
        "read" => Action::Read,
        "close" => Action::Close,
        _ => Action::Command(words),
    };
    Step {
        text: line.to_string(),
        conn: conn.to_string(),
        scope,
        action,
        expect,
    }
}

fn split_arrow(line: &str) -> (&str, String) {
    let mut quoted = false;
    let mut escaped = false;
    for (at, c) in line.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '=' if !quoted && line[at..].starts_with("=> ") && line[..at].ends_with(' ') => {
                return (&line[..at], line[at + 3..].trim().to_string());
            }
            _ => {}
        }
    }
    (line, String::new())
}

/// Words, still with templates and escapes; a quoted word keeps its opening quote as a mark.
fn split_words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(&first) = chars.peek() {
        if first == ' ' || first == '\t' {
            chars.next();
            continue;
        }
        let mut word = String::new();
        if first == '"' {
            word.push('"');
            chars.next();
            loop {
                match chars
                    .next()
                    .unwrap_or_else(|| panic!("open quote in: {text}"))
                {
                    '"' => break,
                    '\\' => {
                        word.push('\\');
                        word.push(chars.next().expect("something after a backslash"));
                    }
                    c => word.push(c),
                }
            }
        } else {
            while let Some(&c) = chars.peek() {
                if c == ' ' || c == '\t' {
                    break;
                }
                word.push(c);
                chars.next();
            }
        }
        words.push(word);
    }
    words
}

/// What `{{...}}` stands for at this moment.
pub(crate) struct Templates<'a> {
    pub(crate) saved: &'a [(String, Value)],
}

impl Templates<'_> {
    /// The bytes of a word: templates replaced, escapes of a quoted word resolved.
    pub(crate) fn word(&self, word: &str) -> Vec<u8> {
        match word.strip_prefix('"') {
            Some(quoted) => self.expand(quoted, true),
            None => self.expand(word, false),
        }
    }

    /// An expectation with its templates replaced, still text.
    pub(crate) fn expectation(&self, text: &str) -> String {
        if text.contains("{{") {
            String::from_utf8(self.expand(text, false)).expect("an expectation is text")
        } else {
            text.to_string()
        }
    }

    fn expand(&self, text: &str, escapes: bool) -> Vec<u8> {
        let mut out = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find("{{") {
            let end = at + rest[at..].find("}}").expect("a template ends with }}");
            literal(&rest[..at], escapes, &mut out);
            self.value(&rest[at + 2..end], &mut out);
            rest = &rest[end + 2..];
        }
        literal(rest, escapes, &mut out);
        out
    }

    fn value(&self, template: &str, out: &mut Vec<u8>) {
        if let Some(name) = template.strip_prefix('$') {
            let found = self.saved.iter().rev().find(|(saved, _)| saved == name);
            let Some((_, value)) = found else {
                // What a peer does not have, it does not give us to keep.
                assert!(super::process::is_peer(), "nothing was saved as @{name}");
                return;
            };
            match value {
                Value::Bulk(bytes) | Value::Simple(bytes) => out.extend_from_slice(bytes),
                other => out.extend_from_slice(other.text().as_bytes()),
            }
        } else if let Some((text, count)) = template.rsplit_once('*') {
            let mut unit = Vec::new();
            literal(text, true, &mut unit);
            let count: usize = count.parse().expect("a count after *");
            out.extend_from_slice(&unit.repeat(count));
        } else {
            let at = template.find(['+', '-']).unwrap_or(template.len());
            let offset: i64 = match &template[at..] {
                "" => 0,
                signed => signed.parse().expect("an offset"),
            };
            let base = match &template[..at] {
                "now_ms" => clock::unix_ms(),
                "now_s" => clock::unix_ms() / 1000,
                other => panic!("unknown template {other}"),
            };
            out.extend_from_slice((base + offset).to_string().as_bytes());
        }
    }
}

/// Appends text, with escapes resolved if `escapes`.
pub(crate) fn literal(text: &str, escapes: bool, out: &mut Vec<u8>) {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' || !escapes {
            out.push(byte);
            continue;
        }
        out.push(match bytes.next().expect("something after a backslash") {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'0' => 0,
            b'x' => {
                let hex = [bytes.next(), bytes.next()].map(|digit| digit.expect("two hex digits"));
                let hex = std::str::from_utf8(&hex).expect("hex digits").to_string();
                u8::from_str_radix(&hex, 16).expect("hex digits")
            }
            other => other,
        });
    }
}
