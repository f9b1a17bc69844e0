//! A command's arguments: places in a buffer, not copies.
//!
//! `Args` is what every command function reads. It is two slices, so it is `Copy` and passing the rest of the
//! arguments on costs nothing. `OwnedArgs` holds the bytes as well, for commands that outlive the receive buffer
//! (queued in MULTI, sent to another shard, blocked) or that the server makes up itself.
//!
//! One argument may lie apart, in a buffer of its own: a long one, which is handed on by reference, to another shard or
//! into the store, and never copied (`Args::shared`).

use crate::base::cpu;
use std::ops::Index;
use std::sync::Arc;

/// Where one argument lies in its buffer. 32 bits are enough: a request is below 4 GiB.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Span {
    /// Offset of the first byte.
    pub start: u32,
    /// Length in bytes.
    pub len: u32,
}

impl Span {
    /// An argument of `len` bytes that lies apart. No other can start there: a buffer ends before.
    pub(super) fn apart(len: u32) -> Span {
        Span {
            start: u32::MAX,
            len,
        }
    }

    #[inline]
    fn is_apart(self) -> bool {
        self.start == u32::MAX
    }
}

/// Bytes of the line that announces a bulk string of `len` bytes, if it has three digits at most.
#[inline]
fn line_bytes(len: u32) -> u32 {
    4 + u32::from(len >= 10) + u32::from(len >= 100)
}

/// The arguments of one command, the command's name first.
///
/// Every span lies within `bytes` or is that of the argument apart; otherwise reading that argument panics.
#[derive(Clone, Copy)]
pub struct Args<'a> {
    /// The buffer the spans point into.
    pub bytes: &'a [u8],
    /// One span for each argument.
    pub spans: &'a [Span],
    /// The argument that lies apart.
    apart: Option<&'a Arc<Vec<u8>>>,
}

impl<'a> Args<'a> {
    /// Arguments at `spans` in `bytes`.
    #[inline]
    pub fn new(bytes: &'a [u8], spans: &'a [Span]) -> Args<'a> {
        Args::with_apart(bytes, spans, None)
    }

    /// Arguments at `spans` in `bytes`, but for one that is `apart`.
    #[inline]
    pub fn with_apart(
        bytes: &'a [u8],
        spans: &'a [Span],
        apart: Option<&'a Arc<Vec<u8>>>,
    ) -> Args<'a> {
        debug_assert!(
            spans.iter().all(|&span| match apart {
                Some(apart) if span.is_apart() => span.len as usize == apart.len(),
                _ => span.start as usize + span.len as usize <= bytes.len(),
            }),
            "every span lies within the bytes"
        );
        Args {
            bytes,
            spans,
            apart,
        }
    }

    /// How many there are, the name included.
    #[inline]
    pub fn len(self) -> usize {
        self.spans.len()
    }

    /// Without any argument, which no parsed command is.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.spans.is_empty()
    }

    /// Argument `i`, borrowed for as long as the buffer is. Panics if there is none: the arity was checked before.
    #[inline]
    pub fn arg(self, i: usize) -> &'a [u8] {
        self.slice(self.spans[i])
    }

    /// Argument `i` by reference, if it is long and came in a buffer of its own.
    #[inline]
    pub fn shared(self, i: usize) -> Option<&'a Arc<Vec<u8>>> {
        let span = self.spans.get(i)?;
        self.apart.filter(|_| span.is_apart())
    }

    #[inline]
    fn slice(self, span: Span) -> &'a [u8] {
        let start = span.start as usize;
        match self.bytes.get(start..start + span.len as usize) {
            Some(bytes) => bytes,
            None => self.slice_apart(span),
        }
    }

    #[cold]
    fn slice_apart(self, span: Span) -> &'a [u8] {
        assert!(span.is_apart(), "every span lies within the bytes");
        self.apart.expect("the argument is kept apart")
    }

    /// The bulk strings of all arguments as they lie in the buffer, if that is byte for byte how they are written down:
    /// `$3\r\nGET\r\n$1\r\nk\r\n`. To be copied at once instead of being put together anew. `None` for anything else:
    /// long arguments, inline commands, what the server made up.
    ///
    /// Between two arguments of a request is nothing but the line that announces the second, in the one spelling of the
    /// number that the parser takes, though it does not look at line feeds. Between two of an inline command there are
    /// blanks, and between those that were copied nothing.
    pub fn as_sent(self) -> Option<&'a [u8]> {
        let first = self.spans.first()?;
        let begin = first.start.checked_sub(line_bytes(first.len))?;
        let mut at = begin;
        for &span in self.spans {
            if span.len >= 1000 || span.start != at + line_bytes(span.len) {
                return None;
            }
            let (start, end) = (span.start as usize, (span.start + span.len) as usize);
            let with_ends = self.bytes.get(start - 2..end + 2)?;
            let is_framed = with_ends.starts_with(b"\r\n") && with_ends.ends_with(b"\r\n");
            if !is_framed || self.bytes[at as usize] != b'$' {
                return None;
            }
            at = span.start + span.len + 2;
        }
        self.bytes.get(begin as usize..at as usize)
    }

    /// Argument `i`, if there is one.
    #[inline]
    pub fn get(self, i: usize) -> Option<&'a [u8]> {
        self.spans.get(i).map(|&span| self.slice(span))
    }

    /// All arguments in order.
    #[inline]
    pub fn iter(self) -> Iter<'a> {
        Iter {
            args: self,
            spans: self.spans.iter(),
        }
    }

    /// The arguments from `i` on. Empty if there are none.
    #[inline]
    pub fn from(self, i: usize) -> Args<'a> {
        Args {
            spans: self.spans.get(i..).unwrap_or_default(),
            ..self
        }
    }

    /// The first `n` arguments, or all if there are fewer.
    #[inline]
    pub fn first(self, n: usize) -> Args<'a> {
        Args {
            spans: self.spans.get(..n).unwrap_or(self.spans),
            ..self
        }
    }

    /// Is argument `i` this word, ASCII case ignored? False if there is no such argument.
    #[inline]
    pub fn is(self, i: usize, word: &str) -> bool {
        self.get(i)
            .is_some_and(|arg| arg.eq_ignore_ascii_case(word.as_bytes()))
    }

    /// About as many bytes as they came in: with framing, if that is still there.
    #[inline]
    pub fn received_len(self) -> usize {
        self.bytes.len() + self.apart.map_or(0, |apart| apart.len())
    }

    /// The bytes of all arguments together, without framing.
    pub fn total_len(self) -> usize {
        self.spans.iter().map(|span| span.len as usize).sum()
    }
}

impl Index<usize> for Args<'_> {
    type Output = [u8];

    #[inline]
    fn index(&self, i: usize) -> &[u8] {
        self.arg(i)
    }
}

impl<'a> IntoIterator for Args<'a> {
    type Item = &'a [u8];
    type IntoIter = Iter<'a>;

    #[inline]
    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// As the list of its arguments, escaped.
impl std::fmt::Debug for Args<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.iter().map(|arg| arg.escape_ascii().to_string()))
            .finish()
    }
}

/// Iterator over arguments.
#[derive(Clone)]
pub struct Iter<'a> {
    args: Args<'a>,
    spans: std::slice::Iter<'a, Span>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        self.spans.next().map(|&span| self.args.slice(span))
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.spans.size_hint()
    }
}

impl DoubleEndedIterator for Iter<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        self.spans.next_back().map(|&span| self.args.slice(span))
    }
}

impl ExactSizeIterator for Iter<'_> {}

/// Requests up to this size are copied in one piece rather than argument by argument.
const SHORT: usize = 128;

/// Arguments with their bytes. Cleared and refilled, it does not allocate.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct OwnedArgs {
    /// The bytes of the arguments.
    pub bytes: Vec<u8>,
    /// One span for each argument, relative to `bytes`.
    pub spans: Vec<Span>,
    apart: Option<Arc<Vec<u8>>>,
}

impl OwnedArgs {
    /// Without arguments.
    pub const fn new() -> OwnedArgs {
        OwnedArgs {
            bytes: Vec::new(),
            spans: Vec::new(),
            apart: None,
        }
    }

    /// Takes over a buffer and the places of the arguments in it. Panics if a span leaves the buffer.
    pub fn from_parts(bytes: Vec<u8>, spans: Vec<Span>) -> OwnedArgs {
        assert!(
            spans
                .iter()
                .all(|span| span.start as usize + span.len as usize <= bytes.len()),
            "every span lies within the bytes"
        );
        OwnedArgs {
            bytes,
            spans,
            apart: None,
        }
    }

    /// Forgets the arguments and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.spans.clear();
        self.apart = None;
    }

    /// Appends an argument. Panics when all of them together reach 4 GiB, which no request does.
    pub fn push(&mut self, arg: &[u8]) {
        let start = u32::try_from(self.bytes.len()).expect("arguments stay below 4 GiB");
        let len = u32::try_from(arg.len()).expect("arguments stay below 4 GiB");
        self.bytes.extend_from_slice(arg);
        self.spans.push(Span { start, len });
    }

    /// Becomes a copy of `args`, without the framing between them unless all is short. An argument apart is shared.
    pub fn copy_from(&mut self, args: Args<'_>) {
        self.clear();
        if args.bytes.len() <= SHORT && args.apart.is_none() {
            self.bytes.extend_from_slice(args.bytes);
            self.spans.extend_from_slice(args.spans);
            return;
        }
        let apart = args.spans.iter().find(|span| span.is_apart());
        let copied = args.total_len() - apart.map_or(0, |span| span.len as usize);
        self.bytes.reserve(copied);
        self.spans.reserve(args.len());
        for &span in args.spans {
            if span.is_apart() {
                self.apart = args.apart.cloned();
                self.spans.push(span);
            } else {
                self.push(args.slice(span));
            }
        }
    }

    /// Asks the processor to fetch them, if they are short.
    #[inline]
    pub fn prefetch(&self) {
        cpu::prefetch(self.bytes.as_ptr());
        cpu::prefetch(self.spans.as_ptr().cast());
    }

    /// The arguments, for reading.
    #[inline]
    pub fn as_args(&self) -> Args<'_> {
        Args {
            bytes: &self.bytes,
            spans: &self.spans,
            apart: self.apart.as_ref(),
        }
    }

    /// How many arguments there are.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Without arguments.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Bytes of memory held, for accounting.
    pub fn memory(&self) -> usize {
        let apart = self.apart.as_ref().map_or(0, |apart| apart.capacity());
        self.bytes.capacity() + self.spans.capacity() * size_of::<Span>() + apart
    }
}

impl From<Args<'_>> for OwnedArgs {
    fn from(args: Args<'_>) -> OwnedArgs {
        let mut owned = OwnedArgs::new();
        owned.copy_from(args);
        owned
    }
}

impl<T: AsRef<[u8]>> FromIterator<T> for OwnedArgs {
    fn from_iter<I: IntoIterator<Item = T>>(args: I) -> OwnedArgs {
        let mut owned = OwnedArgs::new();
        for arg in args {
            owned.push(arg.as_ref());
        }
        owned
    }
}

impl std::fmt::Debug for OwnedArgs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.as_args().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    #[test]
    fn owned_args_round_trip() {
        let mut rng = Rng::new(5);
        let mut owned = OwnedArgs::new();
        let mut copy = OwnedArgs::new();
        for _ in 0..500 {
            let expected: Vec<Vec<u8>> = (0..rng.index(8))
                .map(|_| {
                    let mut arg = vec![0; rng.index(40)];
                    rng.fill(&mut arg);
                    arg
                })
                .collect();
            owned.clear();
            for arg in &expected {
                owned.push(arg);
            }
            assert!(
                owned
                    .as_args()
                    .iter()
                    .eq(expected.iter().map(Vec::as_slice))
            );
            copy.copy_from(owned.as_args());
            assert_eq!(copy, owned);
            assert_eq!(copy, expected.iter().collect());
        }
    }

    #[test]
    fn an_argument_apart_is_shared_and_reads_like_any_other() {
        let long = Arc::new(vec![b'v'; 50]);
        let spans = [
            Span { start: 0, len: 3 },
            Span::apart(50),
            Span { start: 3, len: 2 },
        ];
        let args = Args::with_apart(b"SETEX", &spans, Some(&long));
        assert_eq!((args.arg(1), args.arg(2)), (long.as_slice(), &b"EX"[..]));
        assert!(args.iter().eq([&b"SET"[..], &long[..], b"EX"]));
        assert_eq!(args.total_len(), 55);
        let mut owned = OwnedArgs::from(args);
        assert!(owned.as_args().iter().eq(args.iter()));
        assert!(Arc::ptr_eq(
            owned.as_args().shared(1).expect("it is apart"),
            &long
        ));
        assert!(args.shared(0).is_none() && args.shared(9).is_none());
        assert!(OwnedArgs::from(args.from(2)).apart.is_none());
        owned.clear();
        assert_eq!(Arc::strong_count(&long), 1);
    }

    #[test]
    fn slices_of_the_arguments() {
        let owned: OwnedArgs = ["SET", "k", "v", "nx"].into_iter().collect();
        let args = owned.as_args();
        assert_eq!(
            (args.len(), &args[1], args.arg(2)),
            (4, &b"k"[..], &b"v"[..])
        );
        assert!(args.is(0, "set") && args.is(3, "NX") && !args.is(4, "NX"));
        assert_eq!(args.get(4), None);
        assert_eq!(args.from(3).arg(0), b"nx");
        assert!(args.from(4).is_empty() && args.from(9).is_empty());
        assert_eq!((args.first(2).len(), args.first(9).len()), (2, 4));
        assert_eq!(args.iter().next_back(), Some(&b"nx"[..]));
        assert_eq!(args.total_len(), 7);
    }
}
