//! The stream type.

/// A stream.
#[derive(Clone, Debug, Default)]
pub struct Stream {}

impl Stream {
    /// An empty one.
    pub fn new() -> Stream {
        Stream::default()
    }

    /// How many elements.
    pub fn len(&self) -> usize {
        0
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The name OBJECT ENCODING answers.
    pub fn encoding(&self) -> &'static str {
        "stream"
    }

    /// Bytes on the heap, by allocation class.
    pub fn memory(&self) -> usize {
        0
    }

    /// Allocations to free, about.
    pub fn effort(&self) -> usize {
        1
    }
}
