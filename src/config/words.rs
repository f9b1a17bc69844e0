//! Words of a configuration line: splitting, with quotes and escapes, and quoting.
//!
//! Blanks separate. A word in double quotes may hold blanks and the escapes `\n \r \t \b \a \xHH`; any other escaped
//! byte is itself. In single quotes only `\'` is special. A quote may open in the middle of a word; a closing one ends
//! the word and has to be followed by a blank or the end. A zero byte ends the line, as it does for C programs that
//! read the same files.

/// Splits a line; `None` if a quote is left open or is followed by something other than a blank. Linear time.
pub fn split(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let end = memchr::memchr(0, line).unwrap_or(line.len());
    let mut rest = &line[..end];
    let mut words = Vec::new();
    loop {
        let blanks = rest.iter().take_while(|byte| is_blank(**byte)).count();
        rest = &rest[blanks..];
        if rest.is_empty() {
            return Some(words);
        }
        words.push(word(&mut rest)?);
    }
}

/// Takes one word off the start of `rest`.
fn word(rest: &mut &[u8]) -> Option<Vec<u8>> {
    let mut word = Vec::new();
    while let [byte, tail @ ..] = *rest {
        *rest = tail;
        match byte {
            // Vertical tab and form feed separate words only where a word has not begun.
            b' ' | b'\n' | b'\r' | b'\t' => break,
            b'"' => {
                double_quoted(rest, &mut word)?;
                break;
            }
            b'\'' => {
                single_quoted(rest, &mut word)?;
                break;
            }
            other => word.push(*other),
        }
    }
    Some(word)
}

/// What follows an opening `"`, up to and with the closing one.
fn double_quoted(rest: &mut &[u8], word: &mut Vec<u8>) -> Option<()> {
    loop {
        match *rest {
            [b'\\', b'x', high, low, tail @ ..]
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                word.push(hex_value(*high) << 4 | hex_value(*low));
                *rest = tail;
            }
            [b'\\', escaped, tail @ ..] => {
                word.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 0x08,
                    b'a' => 0x07,
                    other => *other,
                });
                *rest = tail;
            }
            [b'"', tail @ ..] => {
                *rest = tail;
                return tail
                    .first()
                    .is_none_or(|next| is_blank(*next))
                    .then_some(());
            }
            [byte, tail @ ..] => {
                word.push(*byte);
                *rest = tail;
            }
            [] => return None,
        }
    }
}

/// What follows an opening `'`, up to and with the closing one.
fn single_quoted(rest: &mut &[u8], word: &mut Vec<u8>) -> Option<()> {
    loop {
        match *rest {
            [b'\\', b'\'', tail @ ..] => {
                word.push(b'\'');
                *rest = tail;
            }
            [b'\'', tail @ ..] => {
                *rest = tail;
                return tail
                    .first()
                    .is_none_or(|next| is_blank(*next))
                    .then_some(());
            }
            [byte, tail @ ..] => {
                word.push(*byte);
                *rest = tail;
            }
            [] => return None,
        }
    }
}

/// Appends `word` in double quotes, so that `split` gives it back.
pub(super) fn quote(out: &mut Vec<u8>, word: &[u8]) {
    out.push(b'"');
    for &byte in word {
        match byte {
            b'\\' | b'"' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x07 => out.extend_from_slice(b"\\a"),
            0x08 => out.extend_from_slice(b"\\b"),
            b' '..=b'~' => out.push(byte),
            other => out.extend_from_slice(format!("\\x{other:02x}").as_bytes()),
        }
    }
    out.push(b'"');
}

/// Appends `word`, in quotes only if it would read back as something else without.
pub fn put(out: &mut Vec<u8>, word: &[u8]) {
    let is_plain = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'');
    if !word.is_empty() && word.iter().all(is_plain) {
        out.extend_from_slice(word);
    } else {
        quote(out, word);
    }
}

/// The arguments of a line that may take several. A value that is the only one is split once more when it is read, so
/// it is quoted once more where that matters.
pub fn join(words: &[&[u8]]) -> Vec<u8> {
    let mut line = Vec::new();
    for (i, word) in words.iter().enumerate() {
        if i > 0 {
            line.push(b' ');
        }
        put(&mut line, word);
    }
    if let [word] = words
        && !word.is_empty()
        && line != *word
    {
        let inner = std::mem::take(&mut line);
        quote(&mut line, &inner);
    }
    line
}

/// `line` without the blanks around it.
pub fn trim(line: &[u8]) -> &[u8] {
    let is_edge = |byte: &u8| !matches!(*byte, b' ' | b'\t' | b'\r' | b'\n');
    let Some(first) = line.iter().position(is_edge) else {
        return &[];
    };
    let last = line.iter().rposition(is_edge).unwrap_or(first);
    &line[first..=last]
}

/// What C calls a space.
pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

fn hex_value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit - b'A' + 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    fn check(line: &str, expected: Option<&[&[u8]]>) {
        let words = split(line.as_bytes());
        let expected = expected.map(|words| words.iter().map(|word| word.to_vec()).collect());
        assert_eq!(words, expected, "{line}");
    }

    #[test]
    fn words_are_separated_by_blanks_and_may_be_quoted() {
        check("", Some(&[]));
        check(" \t ", Some(&[]));
        check("save 900 1", Some(&[b"save", b"900", b"1"]));
        check("a  b\t\rc\n", Some(&[b"a", b"b", b"c"]));
        check("\x0ba \x0cb\x0b", Some(&[b"a", b"b\x0b"]));
        check(r#"a "b c" 'd e'"#, Some(&[b"a", b"b c", b"d e"]));
        check(r#"a """#, Some(&[b"a", b""]));
        check(
            r#""\x41\x4g\n\r\t\b\a\q\"" "#,
            Some(&[b"Ax4g\n\r\t\x08\x07q\""]),
        );
        check(r#"'it\'s \n'"#, Some(&[b"it's \\n"]));
        check(r#"mid"dle q""#, Some(&[b"middle q"]));
        check("a\0b c", Some(&[b"a"]));
    }

    #[test]
    fn a_quote_has_to_close_at_a_blank() {
        for line in ["\"a", "'a", "\"a\"b", "'a'b", "\"a\\\"", "a\"", "\"\\"] {
            check(line, None);
        }
    }

    #[test]
    fn a_quoted_word_reads_back() {
        let mut rng = Rng::new(7);
        for _ in 0..2000 {
            let mut word = vec![0; rng.index(12)];
            rng.fill(&mut word);
            let mut line = b"x ".to_vec();
            quote(&mut line, &word);
            assert_eq!(split(&line), Some(vec![b"x".to_vec(), word]));
        }
    }
}
