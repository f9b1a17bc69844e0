//! Glob patterns, as KEYS, SCAN MATCH, PSUBSCRIBE, ACL rules and CONFIG GET understand them.
//!
//! | pattern | matches |
//! |---|---|
//! | `*` | any bytes, also none |
//! | `?` | any one byte |
//! | `[ab]` `[^ab]` `[a-z]` | one byte in, not in the class; a range may be written backwards |
//! | `\x` | `x` itself, also inside a class |
//!
//! Only the last `*` seen is ever retried: if what follows it cannot match further right, widening an earlier `*`
//! cannot help either. So matching takes at most `pattern * text` steps and no recursion, and no pattern is
//! exponential. Patterns come from clients, so this matters more than the common case. Redis, which does recur, gives
//! up on patterns with more than a thousand `*`; such a one matches nothing here either.
//!
//! Odd inputs follow the field: a class that is never closed ends with the pattern, `[]` matches nothing, a trailing
//! backslash is itself, and in a class an escaped byte is compared exactly even when case is ignored.

/// Does the whole `text` match `pattern`? `nocase` ignores ASCII case.
pub fn glob_match(pattern: &[u8], text: &[u8], nocase: bool) -> bool {
    if pattern.len() > 2 * STARS_MAX && has_too_many_stars(pattern) {
        return false;
    }
    let (mut p, mut t) = (0, 0);
    // Where to resume when the current attempt fails: after the last `*`, one byte further into the text.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        if pattern.get(p) == Some(&b'*') {
            while pattern.get(p) == Some(&b'*') {
                p += 1;
            }
            if p == pattern.len() {
                return true;
            }
            retry = Some((p, t));
        }
        let Some(&byte) = text.get(t) else {
            // Fewer bytes cannot match what more bytes did not, so there is nothing to retry.
            return p == pattern.len();
        };
        match match_one(&pattern[p..], byte, nocase) {
            Some(width) => {
                p += width;
                t += 1;
            }
            None => {
                let Some((star_p, star_t)) = retry else {
                    return false;
                };
                retry = Some((star_p, star_t + 1));
                (p, t) = (star_p, star_t + 1);
            }
        }
    }
}

/// Redis tries each `*` by recursion, gives up at this depth, and then nothing matches.
const STARS_MAX: usize = 1000;

/// Whether more than so many stars have something behind them. Stars side by side are one.
fn has_too_many_stars(pattern: &[u8]) -> bool {
    let (mut at, mut stars) = (0, 0);
    while at < pattern.len() {
        at += match pattern[at] {
            b'*' => {
                stars += usize::from(pattern.get(at + 1).is_some_and(|next| *next != b'*'));
                1
            }
            b'[' => class(&pattern[at..], 0, false).1,
            b'\\' => 2,
            _ => 1,
        };
    }
    stars > STARS_MAX
}

/// Matches one byte against the element at the start of `pattern`; how long that element is, if it matches. The
/// element is not a `*`.
#[inline]
fn match_one(pattern: &[u8], byte: u8, nocase: bool) -> Option<usize> {
    match *pattern {
        [] => None,
        [b'?', ..] => Some(1),
        [b'[', ..] => match_class(pattern, byte, nocase),
        [b'\\', escaped, ..] => same(escaped, byte, nocase).then_some(2),
        [literal, ..] => same(literal, byte, nocase).then_some(1),
    }
}

fn match_class(pattern: &[u8], byte: u8, nocase: bool) -> Option<usize> {
    let (is_in, width) = class(pattern, byte, nocase);
    is_in.then_some(width)
}

/// Whether the class at the start of `pattern` takes a byte, and how long it is.
fn class(pattern: &[u8], byte: u8, nocase: bool) -> (bool, usize) {
    let negated = pattern.get(1) == Some(&b'^');
    let mut at = if negated { 2 } else { 1 };
    let mut found = false;
    loop {
        match pattern[at..] {
            [] => break,
            [b'\\', escaped, ..] => {
                found |= escaped == byte;
                at += 2;
            }
            [b']', ..] => {
                at += 1;
                break;
            }
            [from, b'-', to, ..] => {
                let (low, high) = (from.min(to), from.max(to));
                found |= if nocase {
                    let byte = byte.to_ascii_lowercase();
                    (low.to_ascii_lowercase()..=high.to_ascii_lowercase()).contains(&byte)
                } else {
                    (low..=high).contains(&byte)
                };
                at += 3;
            }
            [literal, ..] => {
                found |= same(literal, byte, nocase);
                at += 1;
            }
        }
    }
    (found != negated, at)
}

#[inline]
fn same(a: u8, b: u8, nocase: bool) -> bool {
    a == b || (nocase && a.eq_ignore_ascii_case(&b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    fn check(pattern: &str, text: &str, expected: bool) {
        let found = glob_match(pattern.as_bytes(), text.as_bytes(), false);
        assert_eq!(found, expected, "{pattern:?} against {text:?}");
    }

    #[test]
    fn more_than_a_thousand_stars_match_nothing() {
        let text = "a".repeat(3000);
        for part in ["*a", "*?", "**a", "*[*a]", "*\\a"] {
            check(&part.repeat(1000), &text, true);
            check(&part.repeat(1001), &text, false);
        }
        check(&format!("{}*", "*a".repeat(1000)), &text, true);
        check(&"\\*".repeat(1500), &"*".repeat(1500), true);
        check(&"[*a]".repeat(1500), &text[..1500], true);
    }

    #[test]
    fn literals_and_wildcards() {
        check("", "", true);
        check("", "a", false);
        check("a", "", false);
        check("*", "", true);
        check("*", "anything", true);
        check("?", "", false);
        check("?", "a", true);
        check("h?llo", "hello", true);
        check("h*llo", "heeeello", true);
        check("h*llo", "hllo", true);
        check("h*llo", "hell", false);
        check("a*b*c", "a-b-b-c", true);
        check("a*b*c", "a-c-b", false);
        check("**a**", "bab", true);
        check("a*", "a", true);
        check("a*?", "a", false);
        check("news.*", "news.", true);
    }

    #[test]
    fn classes() {
        check("h[ae]llo", "hello", true);
        check("h[ae]llo", "hillo", false);
        check("h[^e]llo", "hallo", true);
        check("h[^e]llo", "hello", false);
        check("h[a-b]llo", "hbllo", true);
        check("h[b-a]llo", "hallo", true);
        check("[a-]x", "-x", false); // the range runs from `a` to `]`, and the class to the end
        check("[a\\-z]", "-", true);
        check("[\\]]", "]", true);
        check("[]", "a", false);
        check("[]a", "a", false);
        check("[^]", "a", true);
        check("[abc", "b", true);
        check("[abc", "d", false);
        check("[", "[", false);
        check("x*[0-9]", "xab7", true);
    }

    #[test]
    fn escapes() {
        check("\\*", "*", true);
        check("\\*", "a", false);
        check("a\\?c", "a?c", true);
        check("a\\", "a\\", true);
        check("\\\\", "\\", true);
    }

    #[test]
    fn case_is_ignored_on_request() {
        assert!(glob_match(b"MaxMem*", b"maxmemory", true));
        assert!(glob_match(b"[A-C]x", b"bX", true));
        assert!(glob_match(b"[q]", b"Q", true));
        assert!(!glob_match(b"[\\q]", b"Q", true));
        assert!(!glob_match(b"MaxMem*", b"maxmemory", false));
    }

    #[test]
    fn many_stars_stay_cheap() {
        let pattern = [b"*a".repeat(200), b"b".to_vec()].concat();
        assert!(!glob_match(&pattern, &[b'a'; 5000], false));
    }

    /// The meaning, spelled out by recursion.
    fn naive(pattern: &[u8], text: &[u8]) -> bool {
        match pattern {
            [] => text.is_empty(),
            [b'*', rest @ ..] => (0..=text.len()).any(|skip| naive(rest, &text[skip..])),
            _ => text.split_first().is_some_and(|(&byte, rest)| {
                match_one(pattern, byte, false).is_some_and(|width| naive(&pattern[width..], rest))
            }),
        }
    }

    #[test]
    fn agrees_with_the_naive_matcher() {
        let mut rng = Rng::new(99);
        for _ in 0..200_000 {
            let mut draw = |alphabet: &[u8], len_max: usize| -> Vec<u8> {
                (0..rng.index(len_max + 1))
                    .map(|_| alphabet[rng.index(alphabet.len())])
                    .collect()
            };
            let pattern = draw(b"**?[]^-\\abc", 8);
            let text = draw(b"abc]-\\", 7);
            assert_eq!(
                glob_match(&pattern, &text, false),
                naive(&pattern, &text),
                "{:?} against {:?}",
                pattern.escape_ascii().to_string(),
                text.escape_ascii().to_string()
            );
        }
    }
}
