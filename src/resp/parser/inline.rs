//! Splitting an inline request into words, as a shell would.
//!
//! Words are separated by blanks. `"..."` understands `\n \r \t \b \a \xHH`, and a backslash before anything else
//! stands for that byte; `'...'` understands `\'` only. A quote may open in the middle of a word, but has to be closed
//! at its end.

use super::super::args::{OwnedArgs, Span};

/// Does the line need `unquote`? Otherwise its words can be read where they are.
pub(super) fn has_quotes(line: &[u8]) -> bool {
    memchr::memchr2(b'"', b'\'', line).is_some()
}

/// Appends the words of a line without quotes. The line begins where the spans' buffer begins.
pub(super) fn split(line: &[u8], spans: &mut Vec<Span>) {
    let mut at = 0;
    while let Some(start) = next_word(line, at) {
        let len = line[start..]
            .iter()
            .position(|&byte| ends_word(byte))
            .unwrap_or(line.len() - start);
        // The line is at most 64 KiB long.
        spans.push(Span {
            start: start as u32,
            len: len as u32,
        });
        at = start + len;
    }
}

/// Fills `words` from a line; false if its quotes are not balanced.
pub(super) fn unquote(line: &[u8], words: &mut OwnedArgs) -> bool {
    words.clear();
    let mut word = Vec::new();
    let mut at = 0;
    while let Some(start) = next_word(line, at) {
        word.clear();
        match unquote_word(line, start, &mut word) {
            Some(end) => at = end,
            None => return false,
        }
        words.push(&word);
    }
    true
}

/// Where the word after the blanks at `at` begins, if there is one.
fn next_word(line: &[u8], at: usize) -> Option<usize> {
    line[at..]
        .iter()
        .position(|&byte| !is_blank(byte))
        .map(|skipped| at + skipped)
}

/// Appends the word at `start` to `word`; where it ends. `None` if a quote is not closed, or not at the word's end.
fn unquote_word(line: &[u8], start: usize, word: &mut Vec<u8>) -> Option<usize> {
    let mut at = start;
    loop {
        match line[at..] {
            [] => return Some(at),
            [byte, ..] if ends_word(byte) => return Some(at),
            [b'"', ..] => return closed(line, double_quoted(line, at + 1, word)?),
            [b'\'', ..] => return closed(line, single_quoted(line, at + 1, word)?),
            [byte, ..] => {
                word.push(byte);
                at += 1;
            }
        }
    }
}

/// `at`, provided that the word is over there.
fn closed(line: &[u8], at: usize) -> Option<usize> {
    line.get(at)
        .is_none_or(|&byte| is_blank(byte))
        .then_some(at)
}

/// Appends what is between double quotes; the position after the closing one.
fn double_quoted(line: &[u8], start: usize, word: &mut Vec<u8>) -> Option<usize> {
    let mut at = start;
    loop {
        match line[at..] {
            [] => return None,
            [b'"', ..] => return Some(at + 1),
            [b'\\', b'x', high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                word.push(hex_digit(high) << 4 | hex_digit(low));
                at += 4;
            }
            [b'\\', escaped, ..] => {
                word.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 0x08,
                    b'a' => 0x07,
                    other => other,
                });
                at += 2;
            }
            [byte, ..] => {
                word.push(byte);
                at += 1;
            }
        }
    }
}

/// Appends what is between single quotes; the position after the closing one.
fn single_quoted(line: &[u8], start: usize, word: &mut Vec<u8>) -> Option<usize> {
    let mut at = start;
    loop {
        match line[at..] {
            [] => return None,
            [b'\'', ..] => return Some(at + 1),
            [b'\\', b'\'', ..] => {
                word.push(b'\'');
                at += 2;
            }
            [byte, ..] => {
                word.push(byte);
                at += 1;
            }
        }
    }
}

/// What may stand between words.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

/// What ends a word. Vertical tab and form feed do not, though they are skipped between words.
fn ends_word(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// The value of a digit known to be hexadecimal.
fn hex_digit(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => byte - b'0',
        other => (other | 0x20) - b'a' + 10,
    }
}
