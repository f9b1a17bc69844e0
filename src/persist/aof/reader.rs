//! Splits the commands of an append-only file, a window at a time.
//!
//! ```text
//! #TS:1700000000\r\n          an annotation: what follows was done in or after this second
//! *2\r\n$6\r\nSELECT\r\n..    a command, as clients send them
//! MULTI .. EXEC               a transaction counts as a whole: a torn one counts as nothing
//! ```
//!
//! Whoever checks a file wants every line to be as it is written. Whoever loads one takes what Redis has always taken:
//! lines that end in LF alone, numbers with something behind them, any two bytes behind an argument. Such a command is to
//! be written anew before it is passed on ([`AofReader::is_plain`]).
//!
//! Pure: whoever has the file slides the window, and takes care of an RDB file in front of the commands. A command that
//! arrives in many pieces is not parsed from its beginning again.

use std::fmt;
use std::ops::Range;

/// A line that says how many arguments, or how long one is, is never longer than this.
const LINE_BYTES_MAX: usize = 64;
/// Neither is an annotation.
const ANNOTATION_BYTES_MAX: usize = 1024;

/// A step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// A command that takes so many bytes; its arguments are in [`AofReader::args`].
    Command(usize),
    /// An annotation that takes so many bytes, with the second it names if it is one of time.
    Annotation(usize, Option<i64>),
    /// The window has to have at least so many bytes.
    More(u64),
}

/// Why a file was refused: it is not in the format.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AofError {
    /// Where, in bytes from the beginning.
    pub offset: u64,
    /// What was expected.
    pub reason: &'static str,
}

impl fmt::Display for AofError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (offset {})", self.reason, self.offset)
    }
}

/// See the module.
#[derive(Debug)]
pub struct AofReader {
    /// Where the record under way begins in the file.
    offset: u64,
    /// Up to here all is well and no transaction is open.
    valid: u64,
    in_transaction: bool,
    /// Bytes of the record under way that were looked at.
    seen: usize,
    /// Arguments still to come; `None` before the line that says how many.
    missing: Option<usize>,
    args: Vec<Range<usize>>,
    /// Takes what only resembles the format.
    lenient: bool,
    /// The command under way is as it would be written.
    is_plain: bool,
}

impl AofReader {
    /// Reads commands that begin at this offset of a file.
    pub fn new(offset: u64) -> AofReader {
        AofReader {
            offset,
            valid: offset,
            in_transaction: false,
            seen: 0,
            missing: None,
            args: Vec::new(),
            lenient: false,
            is_plain: true,
        }
    }

    /// As [`AofReader::new`], for one who wants to have as much of the file as there is.
    pub fn lenient(offset: u64) -> AofReader {
        AofReader {
            lenient: true,
            ..AofReader::new(offset)
        }
    }

    /// Whether the last command is in the file as a client would send it.
    pub fn is_plain(&self) -> bool {
        self.is_plain
    }

    /// Where the arguments of the last command are in the window.
    pub fn args(&self) -> &[Range<usize>] {
        &self.args
    }

    /// Bytes passed.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Where the last command or transaction that is whole ends: what a damaged file is cut to.
    pub fn valid(&self) -> u64 {
        self.valid
    }

    /// Whether a transaction is open.
    pub fn in_transaction(&self) -> bool {
        self.in_transaction
    }

    /// Looks at the front of `window`, which begins where what was found before ended.
    pub fn next(&mut self, window: &[u8]) -> Result<Step, AofError> {
        let Some(&first) = window.first() else {
            return Ok(Step::More(1));
        };
        if first == b'#' {
            return self.annotation(window);
        }
        let mut missing = match self.missing {
            Some(missing) => missing,
            None => {
                self.args.clear();
                self.is_plain = true;
                let Some(count) = self.number(window, b'*')? else {
                    return Ok(Step::More(window.len() as u64 + 1));
                };
                if count == 0 {
                    return Err(self.error("A command has at least one argument"));
                }
                count
            }
        };
        while missing > 0 {
            self.missing = Some(missing);
            let before = self.seen;
            let Some(len) = self.number(window, b'$')? else {
                return Ok(Step::More(window.len() as u64 + 1));
            };
            let end = self.seen.saturating_add(len);
            if end.saturating_add(2) > window.len() {
                // The line is looked at again: the argument may come in many pieces, but it is one line.
                self.seen = before;
                return Ok(Step::More(end as u64 + 2));
            }
            if window[end..end + 2] != *b"\r\n" {
                if !self.lenient {
                    self.seen = end;
                    return Err(self.error("An argument ends with a line end"));
                }
                self.is_plain = false;
            }
            self.args.push(self.seen..end);
            self.seen = end + 2;
            missing -= 1;
        }
        self.missing = None;
        let used = std::mem::take(&mut self.seen);
        self.offset += used as u64;
        let name = &window[self.args[0].clone()];
        if name.eq_ignore_ascii_case(b"multi") {
            self.in_transaction = true;
        } else if name.eq_ignore_ascii_case(b"exec") || name.eq_ignore_ascii_case(b"discard") {
            self.in_transaction = false;
        }
        if !self.in_transaction {
            self.valid = self.offset;
        }
        Ok(Step::Command(used))
    }

    fn annotation(&mut self, window: &[u8]) -> Result<Step, AofError> {
        let end = window.len().min(ANNOTATION_BYTES_MAX);
        let Some(end) = memchr::memchr(b'\n', &window[..end]) else {
            return match window.len() < ANNOTATION_BYTES_MAX {
                true => Ok(Step::More(window.len() as u64 + 1)),
                false => Err(self.error("An annotation is a line")),
            };
        };
        let line = window[..end].trim_ascii_end();
        let seconds = line.strip_prefix(b"#TS:");
        let seconds = seconds.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
        self.offset += end as u64 + 1;
        if !self.in_transaction {
            self.valid = self.offset;
        }
        Ok(Step::Annotation(end + 1, seconds))
    }

    /// A line of a mark and a number; `None` if it is not whole.
    fn number(&mut self, window: &[u8], mark: u8) -> Result<Option<usize>, AofError> {
        let rest = &window[self.seen..];
        let Some(&first) = rest.first() else {
            return Ok(None);
        };
        if first != mark {
            return Err(self.error(match mark {
                b'*' => "A command begins with '*'",
                _ => "An argument begins with '$'",
            }));
        }
        let Some(end) = memchr::memchr(b'\n', &rest[..rest.len().min(LINE_BYTES_MAX)]) else {
            return match rest.len() < LINE_BYTES_MAX {
                true => Ok(None),
                false => Err(self.error("A number was expected")),
            };
        };
        let digits = rest[1..end].strip_suffix(b"\r");
        let number = digits.filter(|digits| digits.first().is_some_and(u8::is_ascii_digit));
        let mut number = number.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
        if self.lenient && (number.is_none() || rest[1] == b'0') {
            self.is_plain = false;
            number = leading_number(&rest[1..end]);
        }
        match number {
            Some(number) => {
                self.seen += end + 1;
                Ok(Some(number))
            }
            None => Err(self.error("A number was expected")),
        }
    }

    fn error(&self, reason: &'static str) -> AofError {
        AofError {
            offset: self.offset + self.seen as u64,
            reason,
        }
    }
}

/// The number that a text begins with, 0 without one, as C reads it; `None` if it is negative or large.
fn leading_number(text: &[u8]) -> Option<usize> {
    let text = text.trim_ascii_start();
    let (sign, digits) = match text {
        [sign @ (b'+' | b'-'), digits @ ..] => (*sign, digits),
        digits => (b'+', digits),
    };
    let end = digits.iter().position(|byte| !byte.is_ascii_digit());
    let digits = &digits[..end.unwrap_or(digits.len())];
    let number = match std::str::from_utf8(digits).ok()? {
        "" => 0,
        digits => digits.parse().ok()?,
    };
    (sign == b'+' || number == 0).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    fn command(args: &[&str]) -> Vec<u8> {
        let mut out = format!("*{}\r\n", args.len()).into_bytes();
        for arg in args {
            out.extend_from_slice(format!("${}\r\n{arg}\r\n", arg.len()).as_bytes());
        }
        out
    }

    /// Reads all, the window growing by random steps; returns the commands, the valid length and the error.
    fn read(file: &[u8], rng: &mut Rng) -> (Vec<Vec<Vec<u8>>>, u64, Option<AofError>) {
        read_with(AofReader::new(0), file, rng)
    }

    fn read_with(
        mut reader: AofReader,
        file: &[u8],
        rng: &mut Rng,
    ) -> (Vec<Vec<Vec<u8>>>, u64, Option<AofError>) {
        let (mut from, mut to, mut commands) = (0, 0, Vec::new());
        loop {
            match reader.next(&file[from..to]) {
                Ok(Step::Command(used)) => {
                    let args = reader.args().iter();
                    let args = args.map(|range| file[from..][range.clone()].to_vec());
                    commands.push(args.collect());
                    from += used;
                }
                Ok(Step::Annotation(used, _)) => from += used,
                Ok(Step::More(bytes)) => {
                    assert!(bytes > (to - from) as u64, "no progress");
                    if to == file.len() || bytes > (file.len() - from) as u64 {
                        return (commands, reader.valid(), None);
                    }
                    to = (from + bytes as usize + rng.index(9)).min(file.len());
                }
                Err(error) => return (commands, reader.valid(), Some(error)),
            }
        }
    }

    #[test]
    fn commands_are_found_in_any_pieces() {
        let mut file = command(&["SELECT", "0"]);
        file.extend_from_slice(b"#TS:1700000000\r\n");
        file.extend(command(&["SET", "key", "v\r\nw"]));
        file.extend(command(&["set", "", &"x".repeat(500)]));
        for seed in 0..200 {
            let (commands, valid, error) = read(&file, &mut Rng::new(seed));
            assert_eq!((commands.len(), error), (3, None));
            assert_eq!(commands[1][2], b"v\r\nw");
            assert_eq!(valid, file.len() as u64);
        }
        let mut reader = AofReader::new(7);
        let line = b"#TS:1700000000\r\n";
        assert_eq!(
            reader.next(line),
            Ok(Step::Annotation(16, Some(1_700_000_000)))
        );
        assert_eq!(reader.valid(), 23);
    }

    #[test]
    fn a_lenient_reader_takes_what_resembles_the_format() {
        for (text, plain) in [
            ("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", true),
            ("*2\n$3\n GT\r\n$1\nk\r\n", false),
            ("*2\r\n$3\r\nGETxx$1\r\nk\r\n", false),
            ("*2x\r\n$ 3\r\nGET\r\n$+1 \r\nk\n\n", false),
            ("*02\r\n$3\r\nGET\r\n$01\r\nk\r\n", false),
        ] {
            let mut reader = AofReader::lenient(0);
            assert_eq!(
                reader.next(text.as_bytes()),
                Ok(Step::Command(text.len())),
                "{text:?}"
            );
            assert_eq!(reader.args().len(), 2);
            assert_eq!(&text[reader.args()[1].clone()], "k", "{text:?}");
            assert_eq!(reader.is_plain(), plain, "{text:?}");
            for seed in 0..20 {
                let file = text.repeat(3);
                let reader = AofReader::lenient(0);
                let (commands, valid, error) =
                    read_with(reader, file.as_bytes(), &mut Rng::new(seed));
                assert_eq!((commands.len(), error), (3, None), "{text:?}");
                assert_eq!(valid, file.len() as u64);
            }
        }
        for text in [
            "*0\r\n",
            "*-1\r\n",
            "*x\r\n",
            "*1\r\n$-1\r\n",
            "*1\r\n+OK\r\n",
        ] {
            assert!(
                AofReader::lenient(0).next(text.as_bytes()).is_err(),
                "{text:?}"
            );
        }
        // No argument, rather than one that is not there.
        let empty = b"*1\r\n$x\r\n\r\n";
        assert_eq!(
            AofReader::lenient(0).next(empty),
            Ok(Step::Command(empty.len()))
        );
    }

    #[test]
    fn a_torn_transaction_counts_as_nothing() {
        let mut file = command(&["SET", "a", "1"]);
        let whole = file.len() as u64;
        for args in [&["multi"][..], &["SET", "b", "2"], &["SET", "c", "3"]] {
            file.extend(command(args));
        }
        let before_exec = file.len();
        file.extend(command(&["EXEC"]));
        let mut rng = Rng::new(3);
        assert_eq!(read(&file, &mut rng).1, file.len() as u64);
        for cut in whole as usize..file.len() {
            let (_, valid, error) = read(&file[..cut], &mut rng);
            assert_eq!(
                (valid, error),
                (whole, None),
                "cut at {cut}, EXEC at {before_exec}"
            );
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let good = command(&["SET", "a", "1"]);
        for (bad, at, reason) in [
            ("!", 0, "A command begins with '*'"),
            ("*x\r\n", 0, "A number was expected"),
            ("*-1\r\n", 0, "A number was expected"),
            ("*1\n", 0, "A number was expected"),
            ("*0\r\n", 4, "A command has at least one argument"),
            ("*1\r\n+OK\r\n", 4, "An argument begins with '$'"),
            (
                "*1\r\n$2\r\nabc\r\n",
                10,
                "An argument ends with a line end",
            ),
        ] {
            let file = [&good, bad.as_bytes()].concat();
            let (_, valid, error) = read(&file, &mut Rng::new(1));
            let error = error.unwrap();
            let offset = good.len() as u64 + at;
            assert_eq!((error.offset, error.reason), (offset, reason), "{bad:?}");
            assert_eq!(valid, good.len() as u64);
        }
    }

    #[test]
    fn any_bytes_are_commands_or_refused() {
        let mut rng = Rng::new(17);
        let mut whole = command(&["SELECT", "0"]);
        whole.extend(command(&["MULTI"]));
        whole.extend(command(&["LPUSH", "list", "a", "bb"]));
        whole.extend(command(&["EXEC"]));
        for _ in 0..20_000 {
            let mut file = whole.clone();
            for _ in 0..rng.index(4) {
                let at = rng.index(file.len());
                file[at] = rng.next_u64() as u8;
            }
            file.truncate(rng.index(file.len() + 1));
            let (_, valid, _) = read(&file, &mut rng);
            assert!(valid <= file.len() as u64);
        }
    }
}
