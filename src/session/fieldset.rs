//! Lists of fields that a client has named (HIMPORT PREPARE).

use crate::base::Map;

/// Lists of fields by name.
pub type Fieldsets = Map<Box<[u8]>, Fieldset>;

/// A list of fields. Each is there once.
#[derive(Debug, Clone)]
pub struct Fieldset {
    fields: Vec<Vec<u8>>,
    bytes: usize,
}

impl Fieldset {
    /// `None` if one of them comes twice.
    pub fn new(fields: Vec<Vec<u8>>) -> Option<Fieldset> {
        let mut sorted: Vec<&Vec<u8>> = fields.iter().collect();
        sorted.sort_unstable();
        if sorted.windows(2).any(|two| two[0] == two[1]) {
            return None;
        }
        let bytes = fields
            .iter()
            .map(|field| field.len() + size_of::<Vec<u8>>());
        let bytes = bytes.sum::<usize>() + size_of::<Fieldset>();
        Some(Fieldset { fields, bytes })
    }

    /// The fields in the order of their values.
    pub fn fields(&self) -> &[Vec<u8>] {
        &self.fields
    }

    /// Bytes, about. O(1).
    pub fn memory(&self) -> usize {
        self.bytes
    }
}
