//! What a row of the table is made of: names, flags, and a kind that reads and prints the value.
//!
//! A row reaches its field of [`Config`] through a pair of plain functions, so one piece of code serves all rows of a
//! kind, the field keeps its own Rust type, and nobody outside the table matches on a directive's name. A kind knows
//! how to set the field from words (`set`), how to print it for CONFIG GET (`get`), and which lines CONFIG REWRITE
//! writes for it (`lines`). Setting either succeeds or leaves the field as it was.
//!
//! The reasons are part of the interface: operators and test suites know them word by word.

use std::borrow::Cow;

use super::special::Special;
use super::table::Config;
use super::types::{Choice, Choices, MemoryOrPercent};
use super::value::{self, Amount};
use super::words;

/// Why a value is refused, in the words that follow the line or the ` - ` of an error.
pub type Reason = Cow<'static, str>;

/// Directive flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags(u16);

impl Flags {
    pub const NONE: Flags = Flags(0);
    /// Only the command line and the configuration file can set it.
    pub const IMMUTABLE: Flags = Flags(1);
    /// CONFIG GET shows it only when asked by its exact name.
    pub const HIDDEN: Flags = Flags(1 << 1);
    /// Printed in crash reports.
    pub const DEBUG: Flags = Flags(1 << 2);
    /// Names something outside, a file perhaps, so setting the same value again means: look again.
    pub const VOLATILE: Flags = Flags(1 << 3);
    /// A secret: never logged, nor shown by SLOWLOG and MONITOR.
    pub const SENSITIVE: Flags = Flags(1 << 4);
    /// Takes several words.
    pub const MULTI_ARG: Flags = Flags(1 << 5);
    /// Refused by CONFIG SET while the data set is being loaded.
    pub const DENY_LOADING: Flags = Flags(1 << 6);
    /// CONFIG SET needs `enable-protected-configs`.
    pub const PROTECTED: Flags = Flags(1 << 7);
    /// The server acts on it. Without this flag it is only remembered, for a subsystem that is yet to come.
    pub const IN_EFFECT: Flags = Flags(1 << 8);

    /// Not in Redis 7.2. If it is immutable, CONFIG SET takes the value it has, as it does by another name: who sets all
    /// that CONFIG GET lists, but for what is known to be immutable, does not fail for it.
    pub const NEWER: Flags = Flags(1 << 9);

    pub const fn or(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }

    pub const fn has(self, other: Flags) -> bool {
        self.0 & other.0 != 0
    }
}

/// One directive.
pub struct Setting {
    pub name: &'static str,
    /// Other names under which it can be set and is listed.
    pub aliases: &'static [&'static str],
    pub flags: Flags,
    pub(super) kind: Kind,
}

/// How a row reaches its field.
pub(super) struct Field<T: 'static> {
    pub(super) get: fn(&Config) -> &T,
    pub(super) get_mut: fn(&mut Config) -> &mut T,
}

/// Refuses values that parse but make no sense.
pub(super) type Check<T> = Option<fn(&T) -> Result<(), &'static str>>;

/// The types of values.
pub(super) enum Kind {
    Bool(Field<bool>, Check<bool>),
    Int {
        field: Field<i64>,
        min: i64,
        max: i64,
        check: Check<i64>,
    },
    /// An amount of memory that also takes -1, for "no limit".
    SignedMemory(Field<i64>),
    Memory {
        field: Field<u64>,
        min: u64,
        max: u64,
    },
    MemoryOrPercent(Field<MemoryOrPercent>),
    Octal {
        field: Field<u32>,
        max: u32,
    },
    Text {
        field: Field<String>,
        /// Empty means "not set": CONFIG REWRITE then removes the line.
        unset_if_empty: bool,
        check: Check<str>,
    },
    Bytes {
        field: Field<Vec<u8>>,
        unset_if_empty: bool,
    },
    Choice(ErasedChoice),
    Choices {
        get: fn(&Config) -> u8,
        set: fn(&mut Config, u8),
        named: &'static [(&'static str, u8)],
        check: Check<u8>,
    },
    Special(&'static Special),
}

/// An enum's field without its type.
pub(super) struct ErasedChoice {
    pub(super) name: fn(&Config) -> &'static str,
    /// Sets by index into the list of names.
    pub(super) set: fn(&mut Config, usize),
    pub(super) name_at: fn(usize) -> Option<&'static str>,
}

/// Name of an enum's variant by position; the table erases the type through it.
pub(super) fn name_at<T: Choice>(index: usize) -> Option<&'static str> {
    T::NAMED.get(index).map(|(name, _)| *name)
}

/// Variant of an enum by the position of its name.
pub(super) fn choice_at<T: Choice>(index: usize) -> T {
    T::NAMED[index].1
}

/// The names of a bit set.
pub(super) const fn named_bits<T: Choices>() -> &'static [(&'static str, u8)] {
    T::NAMED
}

/// Where a value comes from: `save` lines of a file add up, a CONFIG SET replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// `first_save`: no `save` line has been read so far.
    File {
        first_save: bool,
    },
    Runtime,
}

impl Setting {
    /// Can CONFIG SET change it?
    pub fn is_mutable(&self) -> bool {
        !self.flags.has(Flags::IMMUTABLE)
    }

    /// Does the server act on it already, or does it only remember it?
    pub fn is_in_effect(&self) -> bool {
        self.flags.has(Flags::IN_EFFECT)
    }

    /// The value as CONFIG GET replies it.
    pub fn get(&self, config: &Config) -> Vec<u8> {
        match &self.kind {
            Kind::Bool(field, _) => yes_no(*(field.get)(config)).into(),
            Kind::Int { field, .. } | Kind::SignedMemory(field) => {
                (field.get)(config).to_string().into()
            }
            Kind::Memory { field, .. } => (field.get)(config).to_string().into(),
            Kind::MemoryOrPercent(field) => match (field.get)(config) {
                MemoryOrPercent::Bytes(bytes) => bytes.to_string().into(),
                MemoryOrPercent::Percent(percent) => format!("{percent}%").into(),
            },
            Kind::Octal { field, .. } => format!("{:o}", (field.get)(config)).into(),
            Kind::Text { field, .. } => (field.get)(config).clone().into(),
            Kind::Bytes { field, .. } => (field.get)(config).clone(),
            Kind::Choice(choice) => (choice.name)(config).into(),
            Kind::Choices { get, named, .. } => names_of(get(config), named).into(),
            Kind::Special(special) => (special.get)(config),
        }
    }

    /// Sets the value from words. A directive without `MULTI_ARG` gets exactly one.
    pub(super) fn set(
        &self,
        config: &mut Config,
        words: &[Vec<u8>],
        origin: Origin,
    ) -> Result<(), Reason> {
        if let Kind::Special(special) = &self.kind {
            return (special.set)(config, words, origin);
        }
        if let Kind::Choices {
            set, named, check, ..
        } = &self.kind
        {
            let bits = bits_of(words, named)?;
            passes(*check, &bits)?;
            set(config, bits);
            return Ok(());
        }
        let [word] = words else {
            return Err(WRONG_NUMBER_OF_ARGUMENTS.into());
        };
        self.set_one(config, word)
    }

    fn set_one(&self, config: &mut Config, word: &[u8]) -> Result<(), Reason> {
        match &self.kind {
            Kind::Bool(field, check) => {
                let value = value::yes_no(word).ok_or("argument must be 'yes' or 'no'")?;
                passes(*check, &value)?;
                *(field.get_mut)(config) = value;
            }
            Kind::Int {
                field,
                min,
                max,
                check,
            } => {
                let value = crate::base::parse_i64(word)
                    .ok_or("argument couldn't be parsed into an integer")?;
                in_range(value, *min, *max)?;
                passes(*check, &value)?;
                *(field.get_mut)(config) = value;
            }
            Kind::SignedMemory(field) => {
                let value = match word {
                    b"-1" => -1,
                    _ => {
                        let bytes = value::memory(word).ok_or(NOT_MEMORY)?;
                        in_range(bytes, 0, i64::MAX as u64)?;
                        bytes as i64
                    }
                };
                *(field.get_mut)(config) = value;
            }
            Kind::Memory { field, min, max } => {
                let value = value::memory(word).ok_or(NOT_MEMORY)?;
                in_range(value, *min, *max)?;
                *(field.get_mut)(config) = value;
            }
            Kind::MemoryOrPercent(field) => {
                *(field.get_mut)(config) = memory_or_percent(word)?;
            }
            Kind::Octal { field, max } => {
                let value =
                    value::octal(word).ok_or("argument couldn't be parsed as an octal number")?;
                let in_range = u32::try_from(value).ok().filter(|value| value <= max);
                *(field.get_mut)(config) = in_range
                    .ok_or_else(|| format!("argument must be between 0 and {max:o} inclusive"))?;
            }
            Kind::Text { field, check, .. } => {
                let value = str::from_utf8(word).map_err(|_| "argument must be valid UTF-8")?;
                passes(*check, value)?;
                *(field.get_mut)(config) = value.to_owned();
            }
            Kind::Bytes { field, .. } => *(field.get_mut)(config) = word.to_vec(),
            Kind::Choice(choice) => {
                let names = || (0..).map_while(choice.name_at);
                let index = names()
                    .position(|name| word.eq_ignore_ascii_case(name.as_bytes()))
                    .ok_or_else(|| one_of(names()))?;
                (choice.set)(config, index);
            }
            Kind::Choices { .. } | Kind::Special(_) => unreachable!("set from several words"),
        }
        Ok(())
    }

    /// The lines CONFIG REWRITE writes for it.
    pub(super) fn lines(&self, config: &Config, defaults: &Config) -> Vec<Line> {
        let value = match &self.kind {
            Kind::Special(special) => return (special.lines)(config, defaults, self.name),
            Kind::Text {
                field,
                unset_if_empty,
                ..
            } => {
                let text = (field.get)(config);
                if *unset_if_empty && text.is_empty() {
                    return Vec::new();
                }
                quoted(text.as_bytes())
            }
            Kind::Bytes {
                field,
                unset_if_empty,
            } => {
                let bytes = (field.get)(config);
                if *unset_if_empty && bytes.is_empty() {
                    return Vec::new();
                }
                quoted(bytes)
            }
            Kind::Memory { field, .. } => value::with_unit(*(field.get)(config)).into(),
            Kind::MemoryOrPercent(field) => match (field.get)(config) {
                MemoryOrPercent::Bytes(bytes) => value::with_unit(*bytes).into(),
                MemoryOrPercent::Percent(percent) => format!("{percent}%").into(),
            },
            _ => self.get(config),
        };
        let is_default = self.get(config) == self.get(defaults);
        vec![Line::new(self.name, &value, !is_default)]
    }
}

/// A line CONFIG REWRITE wants in the file.
pub(super) struct Line {
    pub(super) text: Vec<u8>,
    /// Needed even if the file says nothing of the directive so far.
    pub(super) needed: bool,
}

impl Line {
    pub(super) fn new(name: &str, value: &[u8], needed: bool) -> Line {
        let text = [name.as_bytes(), b" ", value].concat();
        Line { text, needed }
    }
}

fn quoted(word: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(word.len() + 2);
    words::quote(&mut out, word);
    out
}

fn passes<T: ?Sized>(check: Check<T>, value: &T) -> Result<(), Reason> {
    match check {
        Some(check) => check(value).map_err(Reason::from),
        None => Ok(()),
    }
}

fn in_range<T: PartialOrd + std::fmt::Display>(value: T, min: T, max: T) -> Result<(), Reason> {
    if value < min || value > max {
        return Err(format!("argument must be between {min} and {max} inclusive").into());
    }
    Ok(())
}

fn memory_or_percent(word: &[u8]) -> Result<MemoryOrPercent, Reason> {
    let amount = value::memory_or_percent(word);
    let percent = match amount.ok_or("argument must be a memory or percent value")? {
        // The field's servers keep percentages as negative numbers, and so take the largest amounts for some.
        Amount::Bytes(bytes) if bytes > i64::MAX as u64 => bytes.wrapping_neg(),
        Amount::Bytes(bytes) => return Ok(MemoryOrPercent::Bytes(bytes)),
        Amount::Percent(percent) => percent.unsigned_abs(),
    };
    match percent {
        0 => Ok(MemoryOrPercent::Bytes(0)),
        1..=100 => Ok(MemoryOrPercent::Percent(percent as u8)),
        _ => Err("percentage argument must be less or equal to 100".into()),
    }
}

fn bits_of(words: &[Vec<u8>], named: &[(&'static str, u8)]) -> Result<u8, Reason> {
    let bit = |word: &Vec<u8>| {
        let named = named
            .iter()
            .find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes()));
        named.map(|(_, bits)| *bits)
    };
    let all = words.iter().try_fold(0, |all, word| Some(all | bit(word)?));
    all.filter(|_| !words.is_empty())
        .ok_or_else(|| one_of(named.iter().map(|(name, _)| *name)))
}

/// The name that covers the bits exactly, or else one name after the other until all are covered.
fn names_of(bits: u8, named: &[(&'static str, u8)]) -> String {
    if let Some((name, _)) = named.iter().find(|(_, all)| *all == bits) {
        return (*name).to_owned();
    }
    let mut left = bits;
    let mut names = Vec::new();
    for (name, bits) in named {
        if *bits != 0 && left & bits == *bits {
            names.push(*name);
            left &= !bits;
        }
    }
    names.join(" ")
}

fn one_of(names: impl Iterator<Item = &'static str>) -> Reason {
    let names: Vec<&str> = names.collect();
    let names = names.join(", ");
    format!("argument(s) must be one of the following: {names}").into()
}

pub(super) fn yes_no(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

const NOT_MEMORY: &str = "argument must be a memory value";

pub(super) const WRONG_NUMBER_OF_ARGUMENTS: &str = "wrong number of arguments";
