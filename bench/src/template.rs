//! Operations as text with holes, compiled to bytes that only need patching.
//!
//! `MULTI;SET key:{r} {v};EXEC` is one operation of three commands; words are separated by spaces. Holes:
//!
//! | hole | what |
//! |---|---|
//! | `{r}` | a key number from the distribution; with a share of remote keys asked for, on the shard that share says |
//! | `{local}`, `{remote}` | a key number such that the word, as a key, is on the connection's shard, or on another |
//! | `{same}` | the key number drawn last |
//! | `{i}` | a number that counts up, each value once over all connections: for loading |
//! | `{conn}` | the connection's number |
//! | `{v}` | the value |
//!
//! Anything else in braces stays as it is, so `{tag}key:{r}` keeps all keys in one slot. Numbers have twelve digits as
//! in redis-benchmark, connections five: every instance has the same length, so an operation is an image to copy and a
//! few places to write digits over. That is what lets one core generate more than a server core can answer.

use crate::keys::KeyChooser;
use crate::placement::{key_slot, shard_of};
use crate::rng::Rng;
use anyhow::{Context, bail};
use std::ops::Range;

const KEY_DIGITS: usize = 12;
const CONN_DIGITS: usize = 5;
/// Draws before a wanted shard is given up; at two shards the chance of that is 2^-64.
const DRAWS_MAX: u32 = 64;

/// One operation, ready to render.
#[derive(Clone, Debug)]
pub struct Template {
    /// Its text, as given.
    pub text: String,
    /// How often it is drawn, relative to the others.
    pub weight: u32,
    /// Replies it causes: its commands.
    pub replies: u32,
    image: Vec<u8>,
    holes: Vec<Hole>,
}

#[derive(Clone, Debug)]
struct Hole {
    what: What,
    at: usize,
    /// The word it is in, which is the key when the hole places it.
    word: Range<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Random,
    Local,
    Remote,
    Same,
    Sequence,
    Connection,
}

const HOLES: [(&str, What); 6] = [
    ("{r}", What::Random),
    ("{local}", What::Local),
    ("{remote}", What::Remote),
    ("{same}", What::Same),
    ("{i}", What::Sequence),
    ("{conn}", What::Connection),
];

/// What rendering draws from; one for each generator thread.
#[derive(Debug)]
pub struct Source {
    pub rng: Rng,
    pub keys: KeyChooser,
    /// Shards of the server, 1 if placement does not matter.
    pub shards: u16,
    /// Share of `{r}` keys that belong to another shard than the connection's; `None`: wherever they fall.
    pub remote_share: Option<f64>,
    /// Next value of `{i}`, and the distance to the one after it.
    pub sequence: u64,
    pub sequence_step: u64,
    pub last: u64,
}

impl Template {
    /// Compiles `text`, which may begin with `WEIGHT*`.
    pub fn parse(text: &str, value: &str) -> anyhow::Result<Template> {
        let (weight, body) = match text.split_once('*') {
            Some((weight, body)) if weight.bytes().all(|b| b.is_ascii_digit()) => (
                weight
                    .parse()
                    .with_context(|| format!("the weight in {text:?}"))?,
                body,
            ),
            _ => (1, text),
        };
        let mut template = Template {
            text: text.to_owned(),
            weight,
            replies: 0,
            image: Vec::new(),
            holes: Vec::new(),
        };
        for command in body.split(';') {
            let words: Vec<&str> = command.split_whitespace().collect();
            if words.is_empty() {
                bail!("an empty command in {text:?}");
            }
            template
                .image
                .extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
            for word in words {
                template.word(word, value);
            }
            template.replies += 1;
        }
        Ok(template)
    }

    fn word(&mut self, word: &str, value: &str) {
        let mut bytes = Vec::new();
        let mut holes = Vec::new();
        let mut rest = word;
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix("{v}") {
                bytes.extend_from_slice(value.as_bytes());
                rest = after;
            } else if let Some((name, what)) = HOLES.iter().find(|(name, _)| rest.starts_with(name))
            {
                holes.push((*what, bytes.len()));
                let digits = if *what == What::Connection {
                    CONN_DIGITS
                } else {
                    KEY_DIGITS
                };
                bytes.extend(std::iter::repeat_n(b'0', digits));
                rest = &rest[name.len()..];
            } else {
                let mut chars = rest.chars();
                let first = chars.next().map_or(0, char::len_utf8);
                bytes.extend_from_slice(&rest.as_bytes()[..first]);
                rest = chars.as_str();
            }
        }
        self.image
            .extend_from_slice(format!("${}\r\n", bytes.len()).as_bytes());
        let start = self.image.len();
        let range = start..start + bytes.len();
        self.holes.extend(holes.into_iter().map(|(what, at)| Hole {
            what,
            at: start + at,
            word: range.clone(),
        }));
        self.image.extend_from_slice(&bytes);
        self.image.extend_from_slice(b"\r\n");
    }

    /// Appends one instance for a connection with this number and home shard.
    #[inline]
    pub fn render(&self, source: &mut Source, connection: u32, home: u16, out: &mut Vec<u8>) {
        let base = out.len();
        out.extend_from_slice(&self.image);
        let bytes = &mut out[base..];
        for hole in &self.holes {
            let remote = match hole.what {
                What::Connection => {
                    write_digits(
                        &mut bytes[hole.at..hole.at + CONN_DIGITS],
                        u64::from(connection),
                    );
                    continue;
                }
                What::Sequence => {
                    source.last = source.sequence;
                    source.sequence += source.sequence_step;
                    write_digits(&mut bytes[hole.at..hole.at + KEY_DIGITS], source.last);
                    continue;
                }
                What::Same => {
                    write_digits(&mut bytes[hole.at..hole.at + KEY_DIGITS], source.last);
                    continue;
                }
                What::Random => source.remote_share.map(|share| source.rng.unit() < share),
                What::Local => Some(false),
                What::Remote => Some(true),
            };
            for _ in 0..DRAWS_MAX {
                source.last = source.keys.next(&mut source.rng);
                write_digits(&mut bytes[hole.at..hole.at + KEY_DIGITS], source.last);
                let Some(remote) = remote else { break };
                let key = &bytes[hole.word.clone()];
                if source.shards == 1 || (shard_of(key_slot(key), source.shards) != home) == remote
                {
                    break;
                }
            }
        }
    }

    /// Whether its instances depend on the shard of the connection.
    pub fn places_keys(&self) -> bool {
        self.holes
            .iter()
            .any(|hole| matches!(hole.what, What::Local | What::Remote))
    }
}

/// A value of that many bytes: printable, and alike in every run.
pub fn value(bytes: usize) -> String {
    let mut rng = Rng::new(bytes as u64);
    (0..bytes)
        .map(|_| char::from(b'a' + rng.below(26) as u8))
        .collect()
}

/// `n` in decimal with leading zeros.
#[inline]
fn write_digits(out: &mut [u8], mut n: u64) {
    for digit in out.iter_mut().rev() {
        *digit = b'0' + (n % 10) as u8;
        n /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Distribution;

    fn source(shards: u16, remote_share: Option<f64>) -> Source {
        Source {
            rng: Rng::new(5),
            keys: KeyChooser::new(100_000, Distribution::Uniform),
            shards,
            remote_share,
            sequence: 3,
            sequence_step: 2,
            last: 0,
        }
    }

    fn render(template: &Template, source: &mut Source, home: u16) -> String {
        let mut out = Vec::new();
        template.render(source, 42, home, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn renders_commands_as_resp_arrays() {
        let template = Template::parse("9*SET k{i} {v};GET {tag}x:{same}:{conn}", "abc").unwrap();
        assert_eq!((template.weight, template.replies), (9, 2));
        let mut source = source(1, None);
        assert_eq!(
            render(&template, &mut source, 0),
            "*3\r\n$3\r\nSET\r\n$13\r\nk000000000003\r\n$3\r\nabc\r\n\
             *2\r\n$3\r\nGET\r\n$25\r\n{tag}x:000000000003:00042\r\n"
        );
        assert!(render(&template, &mut source, 0).contains("k000000000005"));
    }

    /// Keys of a rendered operation whose commands are `GET key`.
    fn shards_drawn(text: &str, share: Option<f64>, home: u16) -> Vec<u16> {
        let template = Template::parse(text, "").unwrap();
        let mut source = source(2, share);
        (0..2_000)
            .map(|_| {
                let text = render(&template, &mut source, home);
                shard_of(key_slot(text.split("\r\n").nth(4).unwrap().as_bytes()), 2)
            })
            .collect()
    }

    #[test]
    fn keys_fall_where_they_are_asked_to() {
        assert!(
            shards_drawn("GET key:{local}", None, 1)
                .iter()
                .all(|&s| s == 1)
        );
        assert!(
            shards_drawn("GET key:{remote}", None, 1)
                .iter()
                .all(|&s| s == 0)
        );
        assert!(
            shards_drawn("GET key:{r}", Some(0.0), 0)
                .iter()
                .all(|&s| s == 0)
        );
        assert!(
            shards_drawn("GET key:{r}", Some(1.0), 0)
                .iter()
                .all(|&s| s == 1)
        );
        for share in [None, Some(0.5)] {
            let remote = shards_drawn("GET key:{r}", share, 0)
                .iter()
                .filter(|&&s| s == 1)
                .count();
            assert!((900..1100).contains(&remote), "{share:?}: {remote}");
        }
    }

    #[test]
    fn refuses_an_empty_command() {
        assert!(Template::parse("GET a;;GET b", "").is_err());
        assert!(Template::parse("", "").is_err());
    }
}
