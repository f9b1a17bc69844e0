//! Finds where replies end, and nothing else of them.
//!
//! Budget: a few nanoseconds a reply, since one generator core must outrun the server core. Bodies are skipped by
//! their length without being looked at; nothing is copied but a header cut in two by the end of a read.

/// Counts whole replies in a stream cut anywhere.
#[derive(Debug, Default)]
pub struct ReplyScanner {
    /// Bytes of the bulk string being skipped, its CRLF included.
    skip: usize,
    /// Elements still to come of each open aggregate, outermost first.
    open: Vec<u64>,
    /// The part of a header that the last read ended with.
    header: Vec<u8>,
    /// Error replies, those inside aggregates included.
    pub errors: u64,
    /// Null replies, those inside aggregates included.
    pub nils: u64,
    /// Text of the first error.
    pub first_error: Option<String>,
}

impl ReplyScanner {
    /// Takes what was read; returns how many outermost replies it completed. A byte that cannot begin a reply is an
    /// error, and the connection is of no further use.
    pub fn feed(&mut self, mut data: &[u8]) -> anyhow::Result<u64> {
        let mut replies = 0;
        while !data.is_empty() {
            if self.skip > 0 {
                let skipped = self.skip.min(data.len());
                data = &data[skipped..];
                self.skip -= skipped;
                if self.skip == 0 {
                    replies += u64::from(self.close_element());
                }
                continue;
            }
            let Some(end) = data.iter().position(|&byte| byte == b'\n') else {
                self.header.extend_from_slice(data);
                break;
            };
            let (line, rest) = data.split_at(end + 1);
            data = rest;
            let done = if self.header.is_empty() {
                self.line(line)?
            } else {
                let mut whole = std::mem::take(&mut self.header);
                whole.extend_from_slice(line);
                self.line(&whole)?
            };
            replies += u64::from(done);
        }
        Ok(replies)
    }

    /// A header line with its CRLF; says whether it ended an outermost reply.
    fn line(&mut self, line: &[u8]) -> anyhow::Result<bool> {
        let text = line[1.min(line.len())..].trim_ascii_end();
        match line[0] {
            b'+' | b':' | b',' | b'#' | b'(' => Ok(self.close_element()),
            b'_' => {
                self.nils += 1;
                Ok(self.close_element())
            }
            b'-' => {
                self.errors += 1;
                self.first_error
                    .get_or_insert_with(|| String::from_utf8_lossy(text).into_owned());
                Ok(self.close_element())
            }
            b'$' | b'=' | b'!' => match length(text)? {
                None => {
                    self.nils += 1;
                    Ok(self.close_element())
                }
                Some(bytes) => {
                    self.skip = bytes as usize + 2;
                    Ok(false)
                }
            },
            b'*' | b'~' | b'>' | b'%' => match length(text)? {
                None => {
                    self.nils += 1;
                    Ok(self.close_element())
                }
                Some(0) => Ok(self.close_element()),
                Some(n) => {
                    self.open.push(if line[0] == b'%' { 2 * n } else { n });
                    Ok(false)
                }
            },
            _ => anyhow::bail!("not a reply: {:?}", String::from_utf8_lossy(line)),
        }
    }

    /// An element has ended; closes the aggregates it was the last of. True if nothing is open any more.
    #[inline]
    fn close_element(&mut self) -> bool {
        while let Some(left) = self.open.last_mut() {
            *left -= 1;
            if *left > 0 {
                return false;
            }
            self.open.pop();
        }
        true
    }
}

/// A length in a header; `None` for -1.
#[inline]
fn length(text: &[u8]) -> anyhow::Result<Option<u64>> {
    if text == b"-1" {
        return Ok(None);
    }
    anyhow::ensure!(
        !text.is_empty() && text.len() < 12,
        "a length of 1 to 11 digits"
    );
    text.iter()
        .try_fold(0, |n, &digit| {
            anyhow::ensure!(digit.is_ascii_digit(), "a length of digits");
            Ok(n * 10 + u64::from(digit - b'0'))
        })
        .map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &[u8] = b"+OK\r\n$3\r\na\nb\r\n:12\r\n$-1\r\n*-1\r\n*0\r\n-ERR no\r\n\
        *3\r\n+OK\r\n*2\r\n$0\r\n\r\n_\r\n-WRONGTYPE x\r\n%1\r\n+a\r\n#t\r\n";

    #[test]
    fn counts_alike_however_the_stream_is_cut() {
        for piece in 1..STREAM.len() {
            let mut scanner = ReplyScanner::default();
            let replies: u64 = STREAM
                .chunks(piece)
                .map(|chunk| scanner.feed(chunk).unwrap())
                .sum();
            assert_eq!(replies, 9, "pieces of {piece}");
            assert_eq!((scanner.errors, scanner.nils), (2, 3));
            assert_eq!(scanner.first_error.as_deref(), Some("ERR no"));
            assert!(scanner.open.is_empty() && scanner.header.is_empty());
        }
    }

    #[test]
    fn a_stream_that_is_not_resp_is_an_error() {
        assert!(ReplyScanner::default().feed(b"HTTP/1.1 200\r\n").is_err());
        assert!(ReplyScanner::default().feed(b"$x\r\n").is_err());
    }
}
