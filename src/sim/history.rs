//! Histories: what clients asked for and what they saw, in a form that can be judged.
//!
//! Every key holds a list. Transactions append values, each value once in the whole history, and
//! read whole lists. A list read then tells the order of all writes to its key, which is what makes
//! checking cheap and precise (the idea is Elle's). On the server, an append is RPUSH or APPEND, a
//! read LRANGE or GET, a transaction one command or one EXEC.
//!
//! As text, a line per transaction; those of one connection stand in the order they were sent:
//! ```text
//! # conn call return   operations
//! 3      120  180      a:x:5 r:y:1,2 r:z:
//! 3      121  -        a:x:6 r:y:?
//! ```
//! `call` and `return` are times on one clock, in any unit: before the first byte of the request
//! was sent, after the last byte of the reply was received. Rounding must widen the interval. `-`
//! says that no reply came: the transaction may have happened or not. `?` is a read without a
//! result.

use std::fmt::{self, Write as _};

use crate::base::Map;

/// Number of a key within a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub u32);

/// One operation of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// The value went to the end of the list.
    Append(Key, u64),
    /// The whole list, or `None` if the result is not known.
    Read(Key, Option<Vec<u64>>),
}

impl Op {
    /// The key it is about.
    pub fn key(&self) -> Key {
        match *self {
            Op::Append(key, _) | Op::Read(key, _) => key,
        }
    }
}

/// What one connection asked for at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// Transactions of one connection take effect in the order they have in the history.
    pub conn: u32,
    /// When it was sent.
    pub call: u64,
    /// When its reply was there; `None` if none came.
    pub ret: Option<u64>,
    /// In the order executed.
    pub ops: Vec<Op>,
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// All transactions; those of a connection in program order.
    pub transactions: Vec<Transaction>,
    keys: Vec<String>,
    key_numbers: Map<String, u32>,
}

/// A line that is not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// Counted from 1.
    pub line: usize,
    /// What was expected there.
    pub expected: &'static str,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: expected {}", self.line, self.expected)
    }
}

impl std::error::Error for ParseError {}

impl History {
    /// The number of a key, new or known. Names must not contain blanks or `#`.
    pub fn key(&mut self, name: &str) -> Key {
        if let Some(&number) = self.key_numbers.get(name) {
            return Key(number);
        }
        debug_assert!(
            !name.contains([' ', '#']),
            "the text form could not be read back"
        );
        let number = self.keys.len() as u32;
        self.keys.push(name.to_owned());
        self.key_numbers.insert(name.to_owned(), number);
        Key(number)
    }

    /// How many keys there are; they are numbered from 0.
    pub fn key_count(&self) -> usize {
        self.keys.len()
    }

    /// The name of a key.
    pub fn key_name(&self, key: Key) -> &str {
        &self.keys[key.0 as usize]
    }

    /// Reads the text form.
    pub fn parse(text: &str) -> Result<History, ParseError> {
        let mut history = History::default();
        for (index, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default();
            let mut words = line.split_ascii_whitespace();
            let Some(conn) = words.next() else { continue };
            let error = |expected| ParseError {
                line: index + 1,
                expected,
            };
            let mut time = |expected| words.next().ok_or(error(expected));
            let (call, ret) = (time("a time of call")?, time("a time of return, or -")?);
            let mut transaction = Transaction {
                conn: conn
                    .parse()
                    .map_err(|_| error("the number of a connection"))?,
                call: call.parse().map_err(|_| error("a time of call"))?,
                ret: match ret {
                    "-" => None,
                    ret => Some(ret.parse().map_err(|_| error("a time of return, or -"))?),
                },
                ops: Vec::new(),
            };
            for word in words {
                let op = history
                    .parse_op(word)
                    .ok_or(error("a:KEY:VALUE or r:KEY:V,V,.."))?;
                transaction.ops.push(op);
            }
            history.transactions.push(transaction);
        }
        Ok(history)
    }

    fn parse_op(&mut self, word: &str) -> Option<Op> {
        let (kind, rest) = word.split_once(':')?;
        let (key, values) = rest.rsplit_once(':')?;
        let key = self.key(key);
        match (kind, values) {
            ("a", value) => Some(Op::Append(key, value.parse().ok()?)),
            ("r", "?") => Some(Op::Read(key, None)),
            ("r", "") => Some(Op::Read(key, Some(Vec::new()))),
            ("r", values) => {
                let values: Result<_, _> = values.split(',').map(str::parse).collect();
                Some(Op::Read(key, Some(values.ok()?)))
            }
            _ => None,
        }
    }

    /// The text form of one transaction.
    pub fn line(&self, transaction: &Transaction) -> String {
        let mut line = format!("{} {} ", transaction.conn, transaction.call);
        match transaction.ret {
            Some(ret) => _ = write!(line, "{ret}"),
            None => line.push('-'),
        }
        for op in &transaction.ops {
            let name = self.key_name(op.key());
            match op {
                Op::Append(_, value) => _ = write!(line, " a:{name}:{value}"),
                Op::Read(_, None) => _ = write!(line, " r:{name}:?"),
                Op::Read(_, Some(list)) => {
                    let list: Vec<_> = list.iter().map(u64::to_string).collect();
                    _ = write!(line, " r:{name}:{}", list.join(","));
                }
            }
        }
        line
    }

    /// The text form.
    pub fn to_text(&self) -> String {
        self.transactions
            .iter()
            .map(|transaction| self.line(transaction) + "\n")
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_reads_back() {
        let text = "3 120 180 a:x:5 r:y:1,2 r:{z}:1:\n3 121 - a:x:6 r:y:?\n";
        let history = History::parse(text).unwrap();
        assert_eq!(history.key_count(), 3);
        assert_eq!(history.transactions[1].ret, None);
        assert_eq!(history.to_text(), text);
        assert_eq!(
            History::parse(&format!("# a comment\n\n{text}")).unwrap(),
            history
        );
    }

    #[test]
    fn errors_name_the_line() {
        for text in [
            "1 2 3\n1 2",
            "1 2 3\n1 2 3 a:x",
            "#\n1 2 3 r:x:1,,2",
            "\nx 1 2",
            "\n1 2 ret",
        ] {
            assert_eq!(History::parse(text).unwrap_err().line, 2, "{text}");
        }
    }
}
