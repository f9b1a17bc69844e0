//! The words after a program's name.

use std::ffi::OsString;

/// Takes options off a list of words.
pub(super) struct Words(Vec<OsString>);

impl Words {
    pub(super) fn new(words: Vec<OsString>) -> Words {
        Words(words)
    }

    /// Whether an option is there; it is taken.
    pub(super) fn flag(&mut self, name: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|word| word != name);
        self.0.len() < before
    }

    /// The number behind an option, if that is there; both are taken.
    pub(super) fn number(&mut self, name: &str) -> Result<Option<i64>, String> {
        let Some(at) = self.0.iter().position(|word| word == name) else {
            return Ok(None);
        };
        let given = self.0.drain(at..self.0.len().min(at + 2)).nth(1);
        let number = given.as_ref().and_then(|word| word.to_str()?.parse().ok());
        number.map(Some).ok_or(format!("{name} takes a number"))
    }

    /// What is left, if it is so many words, none of them an option.
    pub(super) fn exactly<const N: usize>(self) -> Option<[OsString; N]> {
        let is_option = |word: &OsString| word.to_string_lossy().starts_with("--");
        if self.0.iter().any(is_option) {
            return None;
        }
        self.0.try_into().ok()
    }
}
