//! What a shard sends of a snapshot: some records, or a part of one.

use std::sync::Arc;

use crate::base::{DbIndex, Holding};

/// Records of one database, in the order they are to stand in.
#[derive(Debug)]
pub struct Chunk {
    /// What database they belong to.
    pub db: DbIndex,
    /// The bytes.
    pub pieces: Vec<Piece>,
    /// Those behind the pieces.
    pub bytes: Vec<u8>,
    /// It goes on with this record, which another chunk has begun.
    pub begins_in: Option<Stay>,
    /// It ends within this record; `None` if it ends with one.
    pub ends_in: Option<Stay>,
    /// The version that a reader must know.
    pub version: u16,
    /// How many records end in it.
    pub keys: u64,
    /// What is held for it, if it was preserved.
    pub holding: Option<Holding>,
    pieces_bytes: usize,
}

/// A part of a record that one shard writes without a break: a value may move from shard to shard meanwhile.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stay {
    /// Which record.
    pub record: u64,
    /// The how manieth part.
    pub number: u32,
}

/// A part of a chunk.
#[derive(Debug)]
pub enum Piece {
    /// To be written as it is.
    Bytes(Vec<u8>),
    /// A text, to be written in the form that texts have.
    Text(Arc<Vec<u8>>),
}

/// A chunk of this size is sent.
const CHUNK_BYTES: usize = 64 * 1024;

impl Default for Chunk {
    fn default() -> Chunk {
        Chunk::of(DbIndex(0))
    }
}

impl Chunk {
    /// An empty one.
    pub fn of(db: DbIndex) -> Chunk {
        Chunk {
            db,
            pieces: Vec::new(),
            bytes: Vec::new(),
            begins_in: None,
            ends_in: None,
            version: 0,
            keys: 0,
            holding: None,
            pieces_bytes: 0,
        }
    }

    /// Appends a text that is put into its form elsewhere.
    pub fn push_text(&mut self, text: Arc<Vec<u8>>) {
        let bytes = std::mem::take(&mut self.bytes);
        self.pieces_bytes += bytes.len() + text.len();
        if !bytes.is_empty() {
            self.pieces.push(Piece::Bytes(bytes));
        }
        self.pieces.push(Piece::Text(text));
    }

    /// All bytes, texts as they are.
    pub fn bytes(&self) -> usize {
        self.pieces_bytes + self.bytes.len()
    }

    /// True without any.
    pub fn is_empty(&self) -> bool {
        self.bytes() == 0
    }

    /// Whether it should be sent.
    pub fn is_full(&self) -> bool {
        self.bytes() >= CHUNK_BYTES
    }
}
