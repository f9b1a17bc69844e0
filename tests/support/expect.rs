//! The right-hand side of a step, and whether a reply is that.
//!
//! ```text
//! 12  -3            integer            1..5  10..   integer in a range
//! "a\r\n\x00"       bulk string        /^a.*z$/     bulk or simple string that the regex finds
//! OK PONG QUEUED RESET  +word  +"text"  simple string
//! ERR syntax error  WRONGTYPE ...      error, exact; with ' ...' at the end, its beginning
//! -"ERR text"       error, exact, quoted: inside arrays, or with blanks at the end
//! nil               $-1, or _ in RESP3     nil-array   *-1, or _ in RESP3
//! [a, b]            array              [a, ...]    array that begins so
//! unordered[a, b]   array, any order   set[a, b]   RESP3 set, RESP2 array; any order
//! push[a, b]        RESP3 push, RESP2 array
//! {k: v, ...}       RESP3 map, RESP2 flat array; any order; '...' allows more keys
//! double(1.5)       RESP3 double, RESP2 bulk       #t #f   RESP3 boolean, RESP2 1 / 0
//! txt"a"  txt/re/   RESP3 verbatim, RESP2 bulk
//! any int bulk simple error array      the type alone; bulk(3), array(3): with that length
//! @name  @name:X    what is here, saved as name (and matching X)
//! none              no reply at all    closed      the server closes the connection
//! A | B             either
//! ```
//! A null is not a null: which of the two RESP2 forms a command sends is part of its contract.

use regex_lite::Regex;

use super::resp::Value;
use super::transcript::literal;

#[derive(Debug)]
pub(crate) enum Expect {
    Any,
    NoError,
    Int(i64),
    Range(i64, i64),
    AnyInt,
    Bulk(Vec<u8>),
    AnyBulk(Option<usize>),
    Simple(Vec<u8>),
    AnySimple,
    Pattern(Box<Regex>),
    Error(Vec<u8>),
    ErrorPrefix(Vec<u8>),
    AnyError,
    Nil,
    NilArray,
    AnyArray(Option<usize>),
    List {
        kind: ListKind,
        items: Vec<Expect>,
        open: bool,
    },
    Map {
        pairs: Vec<(Expect, Expect)>,
        open: bool,
    },
    Double(Vec<u8>),
    BigNumber(Vec<u8>),
    Bool(bool),
    Verbatim(Vec<u8>, Box<Expect>),
    Save(String, Box<Expect>),
    Either(Vec<Expect>),
    /// The step gets no reply.
    None,
    /// The server ends the connection.
    Closed,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum ListKind {
    Ordered,
    Unordered,
    Set,
    Push,
}

pub(crate) type Saved = Vec<(String, Value)>;

impl Expect {
    /// Reads an expectation; panics if it is not in the grammar.
    pub(crate) fn parse(text: &str) -> Expect {
        if text.is_empty() {
            return Expect::NoError;
        }
        if text.starts_with(|c: char| c.is_ascii_uppercase()) {
            return match text {
                "OK" | "PONG" | "QUEUED" | "RESET" => Expect::Simple(text.into()),
                _ => match text.strip_suffix(" ...") {
                    Some(prefix) => Expect::ErrorPrefix(prefix.into()),
                    None => Expect::Error(text.into()),
                },
            };
        }
        let mut reader = Reader { text, at: 0 };
        let expect = reader.either();
        reader.blanks();
        assert!(
            reader.rest().is_empty(),
            "'{}' is left over in: {text}",
            reader.rest()
        );
        expect
    }

    /// Whether `value` is this, under protocol 2 or 3. Saved values are appended to `saved`.
    pub(crate) fn matches(&self, value: &Value, resp3: bool, saved: &mut Saved) -> bool {
        match (self, value) {
            (Expect::Any, _) => true,
            (Expect::NoError, value) => !value.is_error(),
            (Expect::Int(n), Value::Int(m)) => n == m,
            (Expect::Range(low, high), Value::Int(m)) => low <= m && m <= high,
            (Expect::AnyInt, Value::Int(_)) => true,
            (Expect::Bulk(a), Value::Bulk(b)) => a == b,
            (Expect::AnyBulk(length), Value::Bulk(b)) => length.is_none_or(|n| n == b.len()),
            (Expect::Simple(a), Value::Simple(b)) => a == b,
            (Expect::AnySimple, Value::Simple(_)) => true,
            (Expect::Pattern(regex), Value::Bulk(_) | Value::Simple(_) | Value::Error(_)) => {
                regex.is_match(&value.text())
            }
            (Expect::Error(a), Value::Error(b)) => a == b,
            (Expect::ErrorPrefix(a), Value::Error(b)) => b.starts_with(a),
            (Expect::AnyError, value) => value.is_error(),
            (Expect::Nil | Expect::NilArray, Value::Null) => resp3,
            (Expect::Nil, Value::NullBulk) => !resp3,
            (Expect::NilArray, Value::NullArray) => !resp3,
            (Expect::AnyArray(length), Value::Array(items)) => {
                length.is_none_or(|n| n == items.len())
            }
            (Expect::List { kind, items, open }, _) => {
                let values = match (kind, value) {
                    (ListKind::Ordered | ListKind::Unordered, Value::Array(values)) => values,
                    (ListKind::Set, Value::Set(values)) if resp3 => values,
                    (ListKind::Push, Value::Push(values)) if resp3 => values,
                    (ListKind::Set | ListKind::Push, Value::Array(values)) if !resp3 => values,
                    _ => return false,
                };
                let enough = if *open {
                    values.len() >= items.len()
                } else {
                    values.len() == items.len()
                };
                let ordered = matches!(kind, ListKind::Ordered | ListKind::Push);
                enough
                    && if ordered {
                        items
                            .iter()
                            .zip(values)
                            .all(|(e, v)| e.matches(v, resp3, saved))
                    } else {
                        match_any_order(items, values, resp3, saved)
                    }
            }
            (Expect::Map { pairs, open }, _) => {
                let values: Vec<(&Value, &Value)> = match value {
                    Value::Map(values) if resp3 => values.iter().map(|(k, v)| (k, v)).collect(),
                    Value::Array(flat) if !resp3 && flat.len() % 2 == 0 => {
                        flat.chunks(2).map(|pair| (&pair[0], &pair[1])).collect()
                    }
                    _ => return false,
                };
                (*open || values.len() == pairs.len())
                    && pairs.iter().all(|(key, expect)| {
                        values.iter().any(|(k, v)| {
                            key.matches(k, resp3, saved) && expect.matches(v, resp3, saved)
                        })
                    })
            }
            (Expect::Double(a), Value::Double(b)) => resp3 && a == b,
            (Expect::Double(a), Value::Bulk(b)) => !resp3 && a == b,
            (Expect::BigNumber(a), Value::BigNumber(b)) => resp3 && a == b,
            (Expect::BigNumber(a), Value::Bulk(b)) => !resp3 && a == b,
            (Expect::Bool(a), Value::Bool(b)) => resp3 && a == b,
            (Expect::Bool(a), Value::Int(b)) => !resp3 && i64::from(*a) == *b,
            (Expect::Verbatim(kind, text), Value::Verbatim(k, bytes)) => {
                resp3 && kind == k && text.matches(&Value::Bulk(bytes.clone()), resp3, saved)
            }
            (Expect::Verbatim(_, text), Value::Bulk(_)) => {
                !resp3 && text.matches(value, resp3, saved)
            }
            (Expect::Save(name, expect), value) => {
                saved.push((name.clone(), value.clone()));
                expect.matches(value, resp3, saved)
            }
            (Expect::Either(choices), value) => choices
                .iter()
                .any(|choice| choice.matches(value, resp3, saved)),
            _ => false,
        }
    }
}

/// Each expectation takes the first value nobody took; enough for expectations that do not overlap.
fn match_any_order(items: &[Expect], values: &[Value], resp3: bool, saved: &mut Saved) -> bool {
    let mut free: Vec<&Value> = values.iter().collect();
    items.iter().all(|item| {
        match free
            .iter()
            .position(|value| item.matches(value, resp3, saved))
        {
            Some(at) => {
                free.swap_remove(at);
                true
            }
            None => false,
        }
    })
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn blanks(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    /// Takes `token` if it comes next.
    fn take(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    #[track_caller]
    fn need(&mut self, token: &str) {
        assert!(
            self.take(token),
            "'{token}' is missing before '{}' in: {}",
            self.rest(),
            self.text
        );
    }

    fn until(&mut self, stop: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(stop).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn either(&mut self) -> Expect {
        let mut choices = vec![self.one()];
        loop {
            self.blanks();
            if !self.take("|") {
                break;
            }
            choices.push(self.one());
        }
        if choices.len() == 1 {
            choices.remove(0)
        } else {
            Expect::Either(choices)
        }
    }

    fn one(&mut self) -> Expect {
        self.blanks();
        for (open, kind) in [
            ("[", ListKind::Ordered),
            ("unordered[", ListKind::Unordered),
            ("set[", ListKind::Set),
            ("push[", ListKind::Push),
        ] {
            if self.take(open) {
                return self.list(kind);
            }
        }
        if self.take("{") {
            return self.map();
        }
        if self.rest().starts_with('"') {
            return Expect::Bulk(self.string());
        }
        if self.rest().starts_with('/') {
            return self.regex();
        }
        if self.take("txt") {
            let text = self.one();
            return Expect::Verbatim(b"txt".to_vec(), Box::new(text));
        }
        if self.take("@") {
            let name = self
                .until(|c| !c.is_ascii_alphanumeric() && c != '_')
                .to_string();
            let expect = if self.take(":") {
                self.one()
            } else {
                Expect::Any
            };
            return Expect::Save(name, Box::new(expect));
        }
        if self.take("+") {
            return Expect::Simple(if self.rest().starts_with('"') {
                self.string()
            } else {
                self.until(|c| matches!(c, ' ' | ',' | ']' | '}' | '|'))
                    .into()
            });
        }
        if self.take("#t") {
            return Expect::Bool(true);
        }
        if self.take("#f") {
            return Expect::Bool(false);
        }
        if self.rest().starts_with("-\"") {
            self.at += 1;
            return Expect::Error(self.string());
        }
        if self
            .rest()
            .starts_with(|c: char| c == '-' || c.is_ascii_digit())
        {
            return self.number();
        }
        self.word()
    }

    fn word(&mut self) -> Expect {
        let word = self.until(|c| matches!(c, ' ' | ',' | ']' | '}' | ':' | '|' | '('));
        let argument = self.take("(").then(|| {
            let text = self.until(|c| c == ')');
            self.need(")");
            text
        });
        let length = argument.map(|text| text.parse().ok());
        match word {
            "OK" | "PONG" | "QUEUED" | "RESET" => Expect::Simple(word.into()),
            "any" => Expect::Any,
            "int" => Expect::AnyInt,
            "bulk" => Expect::AnyBulk(length.flatten()),
            "simple" => Expect::AnySimple,
            "error" => Expect::AnyError,
            "array" => Expect::AnyArray(length.flatten()),
            "nil" => Expect::Nil,
            "nil-array" => Expect::NilArray,
            "none" => Expect::None,
            "closed" => Expect::Closed,
            "double" => Expect::Double(argument.expect("double(1.5)").into()),
            "big" => Expect::BigNumber(argument.expect("big(123)").into()),
            _ => panic!("unknown word '{word}' in expectation: {}", self.text),
        }
    }

    fn number(&mut self) -> Expect {
        let integer = |text: &str| -> i64 {
            text.parse()
                .unwrap_or_else(|_| panic!("'{text}' is no integer in: {}", self.text))
        };
        let token = {
            let rest = self.rest();
            let end = rest
                .find(|c: char| !matches!(c, '-' | '.' | '0'..='9'))
                .unwrap_or(rest.len());
            &rest[..end]
        };
        let expect = match token.split_once("..") {
            Some((low, "")) => Expect::Range(integer(low), i64::MAX),
            Some((low, high)) => Expect::Range(integer(low), integer(high)),
            None => Expect::Int(integer(token)),
        };
        self.at += token.len();
        expect
    }

    fn string(&mut self) -> Vec<u8> {
        self.need("\"");
        let start = self.at;
        loop {
            self.until(|c| c == '"' || c == '\\');
            if self.take("\\") {
                self.at += self.rest().chars().next().map_or(0, char::len_utf8);
            } else {
                break;
            }
        }
        let mut out = Vec::new();
        literal(&self.text[start..self.at], true, &mut out);
        self.need("\"");
        out
    }

    fn regex(&mut self) -> Expect {
        self.need("/");
        let start = self.at;
        loop {
            self.until(|c| c == '/' || c == '\\');
            if self.take("\\") {
                self.at += 1;
            } else {
                break;
            }
        }
        let source = self.text[start..self.at].replace("\\/", "/");
        self.need("/");
        let regex = Regex::new(&source).unwrap_or_else(|e| panic!("regex {source}: {e}"));
        Expect::Pattern(Box::new(regex))
    }

    fn list(&mut self, kind: ListKind) -> Expect {
        let mut items = Vec::new();
        let mut open = false;
        loop {
            self.blanks();
            if self.take("]") {
                break;
            }
            if self.take("...") {
                open = true;
            } else {
                items.push(self.either());
            }
            self.blanks();
            let _ = self.take(",");
        }
        Expect::List { kind, items, open }
    }

    fn map(&mut self) -> Expect {
        let mut pairs = Vec::new();
        let mut open = false;
        loop {
            self.blanks();
            if self.take("}") {
                break;
            }
            if self.take("...") {
                open = true;
            } else {
                let key = self.one();
                self.blanks();
                self.need(":");
                pairs.push((key, self.either()));
            }
            self.blanks();
            let _ = self.take(",");
        }
        Expect::Map { pairs, open }
    }
}
