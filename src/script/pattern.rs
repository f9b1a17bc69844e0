//! Lua's patterns: what `find`, `match`, `gmatch` and `gsub` look for.
//!
//! The interpreter's own matcher tries alternatives until it is done, which a short pattern can make longer than anybody
//! waits, and nothing can stop it. This one matches, fails and complains alike, and tells as it goes how much it has done;
//! whoever is told may look whether the script has to end.
//!
//! It recurses for what it may have to come back to, a repetition or a capture, and not for each byte: no deeper than a
//! pattern is long. A byte 0 ends a pattern.

/// Captures that a pattern may have.
pub(super) const CAPTURES_MAX: usize = 32;
/// Steps between two reports.
const STEPS: u32 = 2048;
/// What one of them takes, in nanoseconds, about.
const STEP_COST: u32 = 8;

/// What is wrong with a pattern.
pub(super) type Malformed = &'static str;
type Found = Result<Option<usize>, Malformed>;

/// What a capture has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Captured {
    /// From here on, and it is not known how far.
    Open(usize),
    /// This part of the subject.
    Range(usize, usize),
    /// This place.
    Place(usize),
}

/// A search. `spend` is told what it has cost since it was told last; it may not return.
pub(super) struct Matcher<'a, F> {
    subject: &'a [u8],
    pattern: &'a [u8],
    level: usize,
    captures: [Captured; CAPTURES_MAX],
    left: u32,
    spend: F,
}

impl<'a, F: FnMut(u32)> Matcher<'a, F> {
    /// Nothing is captured yet.
    pub(super) fn new(subject: &'a [u8], pattern: &'a [u8], spend: F) -> Matcher<'a, F> {
        let len = memchr::memchr(0, pattern).unwrap_or(pattern.len());
        Matcher {
            subject,
            pattern: &pattern[..len],
            level: 0,
            captures: [Captured::Open(0); CAPTURES_MAX],
            left: STEPS,
            spend,
        }
    }

    /// Whether the pattern, which may only match where the search begins, says so. That is then not part of it.
    pub(super) fn take_anchor(&mut self) -> bool {
        let rest = self.pattern.strip_prefix(b"^");
        self.pattern = rest.unwrap_or(self.pattern);
        rest.is_some()
    }

    /// Where a match that begins at `from` ends.
    pub(super) fn match_at(&mut self, from: usize) -> Found {
        self.level = 0;
        self.rest(from, 0)
    }

    /// How many captures the match has.
    pub(super) fn captures(&self) -> usize {
        self.level
    }

    /// What a match from `start` to `end` has captured; where nothing is to be captured that is all of it.
    pub(super) fn capture(
        &self,
        index: usize,
        start: usize,
        end: usize,
    ) -> Result<Captured, Malformed> {
        if index >= self.level {
            return match index {
                0 => Ok(Captured::Range(start, end)),
                _ => Err("invalid capture index"),
            };
        }
        match self.captures[index] {
            Captured::Open(_) => Err("unfinished capture"),
            done => Ok(done),
        }
    }

    #[inline]
    fn step(&mut self) {
        self.left -= 1;
        if self.left == 0 {
            self.left = STEPS;
            (self.spend)(STEPS * STEP_COST);
        }
    }

    #[inline]
    fn at(&self, p: usize) -> Option<u8> {
        self.pattern.get(p).copied()
    }

    /// Matches the pattern from `p` on with the subject from `s` on.
    fn rest(&mut self, mut s: usize, mut p: usize) -> Found {
        loop {
            self.step();
            let Some(first) = self.at(p) else {
                return Ok(Some(s));
            };
            match (first, self.at(p + 1)) {
                (b'(', Some(b')')) => return self.open(Captured::Place(s), s, p + 2),
                (b'(', _) => return self.open(Captured::Open(s), s, p + 1),
                (b')', _) => return self.close(s, p + 1),
                (b'$', None) => return Ok((s == self.subject.len()).then_some(s)),
                (b'%', Some(b'b')) => {
                    let Some(end) = self.balanced(s, p + 2)? else {
                        return Ok(None);
                    };
                    s = end;
                    p += 4;
                    continue;
                }
                (b'%', Some(b'f')) => {
                    let set = p + 2;
                    if self.at(set) != Some(b'[') {
                        return Err("missing '[' after '%f' in pattern");
                    }
                    let end = self.item_end(set)?;
                    let before = s.checked_sub(1).map_or(0, |before| self.subject[before]);
                    let behind = self.subject.get(s).copied().unwrap_or(0);
                    if self.is_in_set(before, set, end) || !self.is_in_set(behind, set, end) {
                        return Ok(None);
                    }
                    p = end;
                    continue;
                }
                (b'%', Some(digit @ b'0'..=b'9')) => {
                    let Some(end) = self.again(s, digit)? else {
                        return Ok(None);
                    };
                    s = end;
                    p += 2;
                    continue;
                }
                _ => {}
            }
            let end = self.item_end(p)?;
            match self.at(end) {
                Some(b'?') => {
                    if self.is_one(s, p, end)
                        && let Some(found) = self.rest(s + 1, end + 1)?
                    {
                        return Ok(Some(found));
                    }
                    p = end + 1;
                }
                Some(b'*') => return self.most(s, s, p, end),
                Some(b'+') => {
                    return match self.is_one(s, p, end) {
                        true => self.most(s + 1, s + 1, p, end),
                        false => Ok(None),
                    };
                }
                Some(b'-') => return self.fewest(s, p, end),
                _ if !self.is_one(s, p, end) => return Ok(None),
                _ => {
                    s += 1;
                    p = end;
                }
            }
        }
    }

    /// As many as there are from `s` on, or as few more than none as make the rest match.
    fn most(&mut self, least: usize, mut s: usize, p: usize, end: usize) -> Found {
        while self.is_one(s, p, end) {
            self.step();
            s += 1;
        }
        loop {
            if let Some(found) = self.rest(s, end + 1)? {
                return Ok(Some(found));
            }
            if s == least {
                return Ok(None);
            }
            s -= 1;
        }
    }

    fn fewest(&mut self, mut s: usize, p: usize, end: usize) -> Found {
        loop {
            if let Some(found) = self.rest(s, end + 1)? {
                return Ok(Some(found));
            }
            if !self.is_one(s, p, end) {
                return Ok(None);
            }
            s += 1;
        }
    }

    fn open(&mut self, capture: Captured, s: usize, p: usize) -> Found {
        let level = self.level;
        if level >= CAPTURES_MAX {
            return Err("too many captures");
        }
        self.captures[level] = capture;
        self.level += 1;
        let found = self.rest(s, p)?;
        if found.is_none() {
            self.level -= 1;
        }
        Ok(found)
    }

    fn close(&mut self, s: usize, p: usize) -> Found {
        let open = |capture: &Captured| matches!(capture, Captured::Open(_));
        let Some(index) = self.captures[..self.level].iter().rposition(open) else {
            return Err("invalid pattern capture");
        };
        let before = self.captures[index];
        if let Captured::Open(start) = before {
            self.captures[index] = Captured::Range(start, s);
        }
        let found = self.rest(s, p)?;
        if found.is_none() {
            self.captures[index] = before;
        }
        Ok(found)
    }

    /// What was captured comes once more.
    fn again(&mut self, s: usize, digit: u8) -> Found {
        let index = usize::from(digit).wrapping_sub(usize::from(b'1'));
        match self.captures[..self.level].get(index) {
            None | Some(Captured::Open(_)) => Err("invalid capture index"),
            Some(Captured::Place(_)) => Ok(None),
            Some(&Captured::Range(start, end)) => {
                let text = &self.subject[start..end];
                let matches = self.subject[s..].starts_with(text);
                for _ in 0..text.len() / 64 {
                    self.step();
                }
                Ok(matches.then_some(s + text.len()))
            }
        }
    }

    /// Text between two bytes that stand as often, the second closing what the first opens.
    fn balanced(&mut self, s: usize, p: usize) -> Found {
        let (Some(open), Some(close)) = (self.at(p), self.at(p + 1)) else {
            return Err("unbalanced pattern");
        };
        if self.subject.get(s) != Some(&open) {
            return Ok(None);
        }
        let mut depth = 1;
        for at in s + 1..self.subject.len() {
            self.step();
            let byte = self.subject[at];
            if byte == close {
                depth -= 1;
                if depth == 0 {
                    return Ok(Some(at + 1));
                }
            } else if byte == open {
                depth += 1;
            }
        }
        Ok(None)
    }

    /// Where the item at `p`, which stands for one byte, ends.
    fn item_end(&self, p: usize) -> Result<usize, Malformed> {
        match self.at(p) {
            Some(b'%') if self.at(p + 1).is_none() => Err("malformed pattern (ends with '%')"),
            Some(b'%') => Ok(p + 2),
            Some(b'[') => {
                let mut at = p + 1 + usize::from(self.at(p + 1) == Some(b'^'));
                // What comes first in a set never ends it.
                loop {
                    match self.at(at) {
                        None => return Err("malformed pattern (missing ']')"),
                        Some(b'%') if self.at(at + 1).is_some() => at += 2,
                        Some(_) => at += 1,
                    }
                    if self.at(at) == Some(b']') {
                        return Ok(at + 1);
                    }
                }
            }
            _ => Ok(p + 1),
        }
    }

    /// Whether the byte at `s` is what the item from `p` to `end` stands for.
    #[inline]
    fn is_one(&self, s: usize, p: usize, end: usize) -> bool {
        let Some(&byte) = self.subject.get(s) else {
            return false;
        };
        match self.pattern[p] {
            b'.' => true,
            b'%' => is_of_class(byte, self.pattern[p + 1]),
            b'[' => self.is_in_set(byte, p, end),
            literal => literal == byte,
        }
    }

    /// Whether a byte is in the set from `p` to `end`, brackets included.
    fn is_in_set(&self, byte: u8, p: usize, end: usize) -> bool {
        let is_negated = self.pattern[p + 1] == b'^';
        let set = &self.pattern[p + 1 + usize::from(is_negated)..end - 1];
        let mut at = 0;
        while at < set.len() {
            let is_in = match set[at] {
                b'%' if at + 1 < set.len() => {
                    at += 1;
                    is_of_class(byte, set[at])
                }
                low if set.get(at + 1) == Some(&b'-') && at + 2 < set.len() => {
                    at += 2;
                    (low..=set[at]).contains(&byte)
                }
                literal => literal == byte,
            };
            if is_in {
                return !is_negated;
            }
            at += 1;
        }
        is_negated
    }
}

/// Whether a byte is of a class of letters, or is that byte.
fn is_of_class(byte: u8, class: u8) -> bool {
    let is_of = match class.to_ascii_lowercase() {
        b'a' => byte.is_ascii_alphabetic(),
        b'c' => byte.is_ascii_control(),
        b'd' => byte.is_ascii_digit(),
        b'l' => byte.is_ascii_lowercase(),
        b'p' => byte.is_ascii_punctuation(),
        b's' => matches!(byte, b' ' | 9..=13),
        b'u' => byte.is_ascii_uppercase(),
        b'w' => byte.is_ascii_alphanumeric(),
        b'x' => byte.is_ascii_hexdigit(),
        b'z' => byte == 0,
        _ => return class == byte,
    };
    is_of != class.is_ascii_uppercase()
}

/// Whether a text stands for nothing but itself, up to its first byte 0.
pub(super) fn is_plain(pattern: &[u8]) -> bool {
    let len = memchr::memchr(0, pattern).unwrap_or(pattern.len());
    !pattern[..len]
        .iter()
        .any(|byte| b"^$*+?.([%-".contains(byte))
}
