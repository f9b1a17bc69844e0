//! What the append-only file has not taken from the log yet.

/// A piece of the stream, with what belongs to places in it.
#[derive(Default, Debug)]
pub struct Taken {
    /// Position of the first byte.
    pub start: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Marks of fences: position and name.
    pub marks: Vec<(u64, u64)>,
    /// Where another second begins: position and unix seconds. Always between two commands, never within MULTI.
    pub seconds: Vec<(u64, i64)>,
}

impl Taken {
    /// Memory kept from one piece to the next.
    const KEPT_BYTES: usize = 4 * 1024 * 1024;

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.marks.is_empty()
    }

    /// Position behind the last byte.
    pub fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    /// Forgets all, and keeps some memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.marks.clear();
        self.seconds.clear();
        if self.bytes.capacity() > Self::KEPT_BYTES {
            self.bytes = Vec::new();
        }
    }
}
