//! Editing strings: found once, looked at, then changed where they are if that can be.

use std::ops::Range;
use std::sync::Arc;

use super::db::Db;
use super::store::Target;
use super::value::{StrInput, StrRef, TAG_STRING, Ttl, ValueRef, encode, value_of};
use crate::base::I64Buf;
use crate::resp::CommandError;
use crate::structure::{Body, BodyRef};

/// From here on a string that grows is built in memory of its own instead of the store's scratch buffer. Longer than
/// anything kept inline.
const BUILT_ELSEWHERE_BYTES_MIN: usize = 4096;

/// Spare room that is given without asking how long the string is.
const SPARE_BYTES_MAX: usize = 1 << 20;

/// A string that is there, found in preparation of a write. What an edit leaves counts as `raw`; the expiry time stays.
pub struct StrEdit<'a> {
    target: Target<'a>,
}

impl Db<'_> {
    /// Finds a string to look at and perhaps to edit, as [`Db::find_str`] does; `None` if it is absent.
    #[inline]
    pub fn edit_str(&mut self, key: &[u8]) -> Result<Option<StrEdit<'_>>, CommandError> {
        let (db, look) = (self.index, self.look(true, false));
        let at = self.locate(key);
        match self.set.store(at.slot).find_mut(db, at, key, look) {
            None => Ok(None),
            Some(target) => match target.as_ref().body() {
                BodyRef::Object(_) => Err(CommandError::WRONG_TYPE),
                BodyRef::Bytes(_) | BodyRef::Int(_) | BodyRef::Shared(_) => {
                    Ok(Some(StrEdit { target }))
                }
            },
        }
    }

    /// Edits a string in place, an absent key as an empty string. Arguments are to be checked before: whatever `edit`
    /// leaves is stored. See [`StrEdit::update`].
    pub fn update_str<T>(
        &mut self,
        key: &[u8],
        edit: impl FnOnce(&mut Vec<u8>) -> T,
    ) -> Result<T, CommandError> {
        if let Some(found) = self.edit_str(key)? {
            return Ok(found.update(edit));
        }
        let mut bytes = Vec::new();
        let result = edit(&mut bytes);
        self.set_str(key, StrInput::Raw(&bytes), Ttl::Keep);
        Ok(result)
    }

    /// Edits a part of a string: zeros are added at its end if the part is beyond, an absent key is created. See
    /// [`StrEdit::update_grown`].
    pub fn update_grown<T>(
        &mut self,
        key: &[u8],
        part: Range<usize>,
        edit: impl FnOnce(&mut [u8]) -> T,
    ) -> Result<T, CommandError> {
        match self.edit_str(key)? {
            Some(found) => Ok(found.update_grown(part, edit)),
            None => Ok(self.create_str(key, part.end, edit)),
        }
    }

    /// Makes a string of `len` zeros, edited, under a key that is absent.
    pub fn create_str<T>(
        &mut self,
        key: &[u8],
        len: usize,
        edit: impl FnOnce(&mut [u8]) -> T,
    ) -> T {
        let mut bytes = vec![0; len];
        let result = edit(&mut bytes);
        let input = match len {
            BUILT_ELSEWHERE_BYTES_MIN.. => StrInput::Shared(Arc::new(bytes)),
            _ => StrInput::Raw(&bytes),
        };
        self.set_str(key, input, Ttl::Keep);
        result
    }
}

impl StrEdit<'_> {
    /// The string as it is.
    #[inline]
    pub fn text(&self) -> StrRef<'_> {
        match value_of(self.target.as_ref()) {
            ValueRef::Str(text) => text,
            ValueRef::Collection(_) => unreachable!("an edit begins at a string"),
        }
    }

    /// Edits the string. A long one is edited where it is, or in a copy if a reply still refers to it.
    pub fn update<T>(self, edit: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        self.update_part(0..usize::MAX, edit)
    }

    /// As [`StrEdit::update`], of an edit that changes no other bytes than these.
    fn update_part<T>(mut self, part: Range<usize>, edit: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        let mut scratch = std::mem::take(&mut self.target.ledger.scratch);
        scratch.clear();
        match self.target.as_ref().body() {
            BodyRef::Shared(_) => {
                self.target.ledger.scratch = scratch;
                self.target.preserve_text(part);
                return self.target.edit(|entry| {
                    let shared = entry.shared_mut().expect("the body is shared");
                    edit(Arc::make_mut(shared))
                });
            }
            BodyRef::Bytes(bytes) => scratch.extend_from_slice(bytes),
            BodyRef::Int(value) => scratch.extend_from_slice(I64Buf::new(value).as_bytes()),
            BodyRef::Object(_) => unreachable!("an edit begins at a string"),
        }
        let result = edit(&mut scratch);
        let key_len = self.target.as_ref().key().len();
        let input = StrInput::Raw(&scratch);
        let (body, raw) = encode(key_len, &input);
        self.put(raw, body);
        // Room for what is usually edited here; anything larger has become a value of its own.
        if scratch.capacity() <= 4096 {
            self.target.ledger.scratch = scratch;
        }
        result
    }

    /// Edits a part of the string where it is; if the part is beyond its end, zeros are added there first. `edit` is given
    /// all of the string.
    ///
    /// One that becomes long is built in memory that the allocator has zeroed, which for a bit set far out is memory
    /// that nobody has touched.
    pub fn update_grown<T>(mut self, part: Range<usize>, edit: impl FnOnce(&mut [u8]) -> T) -> T {
        let len = part.end;
        let old = self.text();
        let old_len = old.len();
        match old {
            StrRef::Bytes(_) if old_len >= len => self.target.edit(|entry| {
                entry.set_raw();
                edit(entry.inline_mut().expect("the body is inline bytes"))
            }),
            StrRef::Bytes(_) | StrRef::Int(_) if len >= BUILT_ELSEWHERE_BYTES_MIN => {
                let mut bytes = vec![0; len];
                bytes[..old_len].copy_from_slice(old.text(&mut I64Buf::new(0)));
                let result = edit(&mut bytes);
                self.put(true, Body::Shared(Arc::new(bytes)));
                result
            }
            StrRef::Bytes(_) | StrRef::Int(_) | StrRef::Shared(_) => {
                self.update_part(part, |bytes| {
                    if bytes.len() < len {
                        reserve(bytes, len);
                        bytes.resize(len, 0);
                    }
                    edit(bytes)
                })
            }
        }
    }

    /// Leaves the bytes as they are; only the encoding is that of an edited string from then on. That is no change that
    /// anybody has to learn of.
    pub fn make_raw(mut self) {
        let entry = self.target.as_ref();
        let text = match entry.body() {
            BodyRef::Int(value) => I64Buf::new(value),
            BodyRef::Bytes(_) if !entry.is_raw() => {
                return self.target.edit_quietly(|entry| (entry.set_raw(), false));
            }
            BodyRef::Bytes(_) | BodyRef::Shared(_) | BodyRef::Object(_) => return,
        };
        let key_len = entry.key().len();
        let input = StrInput::Raw(text.as_bytes());
        let (body, raw) = encode(key_len, &input);
        self.target.replace_quietly(|entry| {
            let expiry = entry.as_ref().expiry();
            entry.replace(TAG_STRING, raw, expiry, body)
        });
    }

    /// Adds bytes at the end.
    pub fn append(self, more: &[u8]) {
        let len = self.text().len();
        self.update_part(len..len, |bytes| {
            reserve(bytes, bytes.len() + more.len());
            bytes.extend_from_slice(more);
        });
    }

    fn put(&mut self, raw: bool, body: Body<'_, crate::types::Collection>) {
        self.target.replace(|entry| {
            let expiry = entry.as_ref().expiry();
            entry.replace(TAG_STRING, raw, expiry, body)
        });
    }
}

/// Makes room for `len` bytes and as much again, but at most an eighth of a long string: who appends once appends
/// again, but half of a gigabyte is too much to bet on it.
fn reserve(bytes: &mut Vec<u8>, len: usize) {
    if len > bytes.capacity() {
        let spare = len.min((len / 8).max(SPARE_BYTES_MAX));
        bytes.reserve_exact(len + spare - bytes.len());
    }
}
