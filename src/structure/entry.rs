#![expect(unsafe_code, reason = "an entry is one hand-laid-out allocation")]
//! One key with everything that belongs to it, in one allocation.
//!
//! A key costs its own bytes, its value's bytes and 10: no object header, no string header, no second table for
//! expiry times. One allocation also means that a hit touches one or two cache lines after the bucket.
//!
//! ```text
//! 0     1      2      3        6     8
//! | kind | flags | epoch | access | klen | body ...                            (klen 0xffff: WIDE_KEY)
//!   form Bytes:   vlen u16 | [klen u64] | [expiry 6 or 8] | key | value
//!   other forms:  word u64 | [klen u64] | [expiry 6 or 8] | key
//! ```
//!
//! `kind` holds the form in its low half and the caller's type tag in the high half. The word is an `i64`, an
//! `Arc<Vec<u8>>` or a `Box<O>`; it lies at offset 8 because it is lent out by reference and so must be aligned.
//! Everything after it is unaligned and read bytewise. A 16-byte key with a 32-byte value and an expiry time is
//! 8 + 2 + 6 + 16 + 32 = 64 bytes: one allocation class, one cache line.
//!
//! Invariants
//!   1. The allocation has `size_class(total length)` bytes and alignment 8. Its size is thus a function of its
//!      contents, needs no field, and "fits in place" means "same class".
//!   2. Addresses fit 48 bits (asserted when allocating): the index keeps hash bits in the rest.
//!   3. Whoever holds an `Entry` owns the allocation and what the word points to.
//!
//! Not here: what type tags mean, when a value is inline and when shared, who counts the bytes.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::Arc;

/// Longest value kept inside the entry, by its length alone; the caller chooses the actual threshold.
pub const INLINE_VALUE_BYTES_MAX: usize = u16::MAX as usize;

/// An owned entry; `O` is what a key can hold besides strings and integers.
pub struct Entry<O> {
    ptr: NonNull<u8>,
    owns: PhantomData<(Box<O>, Arc<Vec<u8>>)>,
}

// SAFETY: an `Entry` owns its allocation and its body; the body is an `Arc<Vec<u8>>` (Send) or a `Box<O>`.
unsafe impl<O: Send> Send for Entry<O> {}
// SAFETY: through a shared reference an entry can only be read, and bodies are shared as `&Arc<Vec<u8>>` or `&O`.
unsafe impl<O: Sync> Sync for Entry<O> {}

/// A borrowed entry.
pub struct EntryRef<'a, O> {
    ptr: NonNull<u8>,
    borrows: PhantomData<&'a Entry<O>>,
}

impl<O> Clone for EntryRef<'_, O> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<O> Copy for EntryRef<'_, O> {}

/// A value on its way into an entry.
#[derive(Debug)]
pub enum Body<'a, O> {
    /// Copied into the entry; at most [`INLINE_VALUE_BYTES_MAX`].
    Bytes(&'a [u8]),
    /// Stored as eight bytes.
    Int(i64),
    /// Stored by reference.
    Shared(Arc<Vec<u8>>),
    /// Stored by reference.
    Object(Box<O>),
}

/// A value seen in place.
#[derive(Debug)]
pub enum BodyRef<'a, O> {
    /// Inline bytes.
    Bytes(&'a [u8]),
    /// An integer.
    Int(i64),
    /// Bytes that can outlive the entry.
    Shared(&'a Arc<Vec<u8>>),
    /// Something of the caller's.
    Object(&'a O),
}

/// What an entry held outside of its own allocation, for the caller to count and to free when it suits.
#[derive(Debug)]
pub enum Displaced<O> {
    /// Nothing: the value was inline.
    Nothing,
    /// Shared bytes.
    Shared(Arc<Vec<u8>>),
    /// Something of the caller's.
    Object(Box<O>),
}

/// Where the value of an entry lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    Bytes,
    Int,
    Shared,
    Object,
}

const FORM_MASK: u8 = 0x0f;
const TAG_SHIFT: u32 = 4;

/// An expiry time follows the fixed part.
const HAS_EXPIRY: u8 = 1;
/// The expiry time takes 8 bytes: it is negative or beyond 48 bits.
const WIDE_EXPIRY: u8 = 2;
/// The key length takes 8 more bytes.
const WIDE_KEY: u8 = 4;
/// One bit for the caller: strings that came from in-place editing, which Redis reports as `raw` at any length.
const RAW: u8 = 8;

const KIND_AT: usize = 0;
const FLAGS_AT: usize = 1;
const EPOCH_AT: usize = 2;
const ACCESS_AT: usize = 3;
const KEY_LEN_AT: usize = 6;
const BODY_AT: usize = 8;
const ALIGN: usize = 8;
const KEY_LEN_NARROW_MAX: usize = 0xfffe;

/// The size the allocators in use give to a request of `len` bytes (jemalloc and mimalloc agree from 16 bytes on):
/// multiples of 16 up to 128, then four classes a doubling.
#[inline]
pub const fn size_class(len: usize) -> usize {
    if len <= 128 {
        return if len == 0 { 16 } else { (len + 15) & !15 };
    }
    // The quarter of the largest power of two below `len`.
    let step = 1_usize << (usize::BITS - 1 - (len - 1).leading_zeros() - 2);
    (len + step - 1) & !(step - 1)
}

/// The variable parts of a layout, from which every offset follows.
#[derive(Clone, Copy)]
struct Shape {
    form: Form,
    key_len: usize,
    expiry_len: usize,
    /// Length of an inline value; 0 in the other forms.
    value_len: usize,
}

impl Shape {
    #[inline]
    const fn key_len_at(&self) -> usize {
        BODY_AT
            + if matches!(self.form, Form::Bytes) {
                2
            } else {
                8
            }
    }
    #[inline]
    const fn expiry_at(&self) -> usize {
        self.key_len_at()
            + if self.key_len > KEY_LEN_NARROW_MAX {
                8
            } else {
                0
            }
    }
    #[inline]
    const fn key_at(&self) -> usize {
        self.expiry_at() + self.expiry_len
    }
    #[inline]
    const fn value_at(&self) -> usize {
        self.key_at() + self.key_len
    }
    #[inline]
    const fn class(&self) -> usize {
        size_class(self.value_at() + self.value_len)
    }
}

#[inline]
const fn expiry_len(expiry: Option<i64>) -> usize {
    match expiry {
        None => 0,
        Some(0..0x1_0000_0000_0000) => 6,
        Some(_) => 8,
    }
}

impl<'a, O> EntryRef<'a, O> {
    #[allow(
        dead_code,
        reason = "for the table that keeps raw pointers, which is next"
    )]
    /// # Safety
    /// `ptr` came from `Entry::into_raw` of the same `O`, is owned by someone for all of `'a` and not changed in it.
    #[inline]
    pub(super) unsafe fn from_raw(ptr: NonNull<u8>) -> EntryRef<'a, O> {
        EntryRef {
            ptr,
            borrows: PhantomData,
        }
    }

    #[inline]
    fn byte(self, at: usize) -> u8 {
        debug_assert!(at < BODY_AT);
        // SAFETY: every entry has at least `BODY_AT` initialised bytes.
        unsafe { self.ptr.add(at).read() }
    }

    #[inline]
    fn u16_at(self, at: usize) -> u16 {
        debug_assert!(at == KEY_LEN_AT || at == BODY_AT);
        // SAFETY: both places lie in the fixed part (form Bytes has at least 10 bytes) and are even, so aligned.
        unsafe { self.ptr.add(at).cast::<u16>().read() }
    }

    /// Bytes `at..at + len`, which must be part of the entry by its shape.
    #[inline]
    fn bytes(self, at: usize, len: usize) -> &'a [u8] {
        // SAFETY: callers pass ranges derived from the shape, which are initialised and inside the allocation
        // (invariant 1); `'a` keeps the entry alive and unchanged.
        unsafe { std::slice::from_raw_parts(self.ptr.add(at).as_ptr(), len) }
    }

    #[inline]
    fn form(self) -> Form {
        match self.byte(KIND_AT) & FORM_MASK {
            0 => Form::Bytes,
            1 => Form::Int,
            2 => Form::Shared,
            _ => Form::Object,
        }
    }

    #[inline]
    fn flags(self) -> u8 {
        self.byte(FLAGS_AT)
    }

    #[inline]
    fn shape(self) -> Shape {
        let form = self.form();
        let flags = self.flags();
        let expiry_len = match flags & (HAS_EXPIRY | WIDE_EXPIRY) {
            0 => 0,
            HAS_EXPIRY => 6,
            _ => 8,
        };
        let value_len = if form == Form::Bytes {
            usize::from(self.u16_at(BODY_AT))
        } else {
            0
        };
        let mut shape = Shape {
            form,
            key_len: usize::from(self.u16_at(KEY_LEN_AT)),
            expiry_len,
            value_len,
        };
        if flags & WIDE_KEY != 0 {
            // `key_len` is 0xffff here, so `key_len_at` needs no correction.
            let mut word = [0; 8];
            word.copy_from_slice(self.bytes(shape.key_len_at(), 8));
            shape.key_len = u64::from_le_bytes(word) as usize;
        }
        shape
    }

    /// The key.
    #[inline]
    pub fn key(self) -> &'a [u8] {
        let shape = self.shape();
        self.bytes(shape.key_at(), shape.key_len)
    }

    /// The value.
    #[inline]
    pub fn body(self) -> BodyRef<'a, O> {
        let shape = self.shape();
        // SAFETY: every entry is longer than the fixed part.
        let word = unsafe { self.ptr.add(BODY_AT) };
        match shape.form {
            Form::Bytes => BodyRef::Bytes(self.bytes(shape.value_at(), shape.value_len)),
            // SAFETY: in this form offset 8 holds an initialised, aligned i64, unchanged for `'a`.
            Form::Int => BodyRef::Int(unsafe { word.cast::<i64>().read() }),
            // SAFETY: in this form offset 8 holds an initialised, aligned Arc, alive and unchanged for `'a`.
            Form::Shared => BodyRef::Shared(unsafe { word.cast::<Arc<Vec<u8>>>().as_ref() }),
            // SAFETY: in this form offset 8 holds an initialised, aligned Box, alive and unchanged for `'a`.
            Form::Object => BodyRef::Object(unsafe { word.cast::<Box<O>>().as_ref() }),
        }
    }

    /// Whether replacing the value by these `len` inline bytes changes nothing but the bytes: tag, form, length and
    /// `raw` mark stay, and there is no expiry time to go.
    #[inline]
    pub fn takes(self, tag: u8, raw: bool, len: usize) -> bool {
        self.byte(KIND_AT) == Form::Bytes as u8 | tag << TAG_SHIFT
            && self.flags() & !WIDE_KEY == if raw { RAW } else { 0 }
            && usize::from(self.u16_at(BODY_AT)) == len
    }

    /// The caller's type tag, below 16.
    #[inline]
    pub fn tag(self) -> u8 {
        self.byte(KIND_AT) >> TAG_SHIFT
    }

    /// Whether the caller marked the string as edited in place.
    #[inline]
    pub fn is_raw(self) -> bool {
        self.flags() & RAW != 0
    }

    /// Expiry time in Unix milliseconds.
    #[inline]
    pub fn expiry(self) -> Option<i64> {
        if self.flags() & HAS_EXPIRY == 0 {
            return None;
        }
        let shape = self.shape();
        let mut word = [0; 8];
        word[..shape.expiry_len].copy_from_slice(self.bytes(shape.expiry_at(), shape.expiry_len));
        Some(i64::from_le_bytes(word))
    }

    /// Whether it has a time at which it expires.
    #[inline]
    pub fn has_expiry(self) -> bool {
        self.flags() & HAS_EXPIRY != 0
    }

    /// The snapshot epoch of the last change.
    #[inline]
    pub fn epoch(self) -> u8 {
        self.byte(EPOCH_AT)
    }

    /// The 24 access bits: LRU seconds, or LFU minutes and counter.
    #[inline]
    pub fn access(self) -> u32 {
        u32::from_le_bytes([
            self.byte(ACCESS_AT),
            self.byte(ACCESS_AT + 1),
            self.byte(ACCESS_AT + 2),
            0,
        ])
    }

    /// Bytes of the entry's own allocation, without what the body points to.
    #[inline]
    pub fn alloc_bytes(self) -> usize {
        self.shape().class()
    }

    /// Where the entry is.
    #[inline]
    pub(super) fn address(self) -> NonNull<u8> {
        self.ptr
    }

    /// Asks for the entry's first cache line.
    #[inline]
    pub fn prefetch(self) {
        crate::base::cpu::prefetch(self.ptr.as_ptr());
    }
}

impl<O> Entry<O> {
    /// Lays out a new entry. `tag` is the caller's, below 16; access bits and epoch start at 0.
    pub fn new(key: &[u8], tag: u8, raw: bool, expiry: Option<i64>, body: Body<'_, O>) -> Entry<O> {
        let shape = Shape {
            form: body.form(),
            key_len: key.len(),
            expiry_len: expiry_len(expiry),
            value_len: body.inline_len(),
        };
        let ptr = allocate(shape.class());
        // SAFETY: the allocation is ours and has room for everything the shape says, at least 16 bytes.
        unsafe {
            ptr.cast::<u64>().write(0);
            ptr.add(shape.key_at())
                .copy_from_nonoverlapping(NonNull::from(key).cast(), key.len());
            put_shape(ptr, &shape, tag, raw, expiry);
            put_body(ptr, &shape, body);
        }
        Entry {
            ptr,
            owns: PhantomData,
        }
    }

    /// Gives the allocation to the caller, who owes a `from_raw`.
    #[inline]
    pub(super) fn into_raw(self) -> NonNull<u8> {
        let ptr = self.ptr;
        std::mem::forget(self);
        ptr
    }

    #[allow(
        dead_code,
        reason = "for the table that keeps raw pointers, which is next"
    )]
    /// Where the entry is.
    #[inline]
    pub(super) fn address(&self) -> NonNull<u8> {
        self.ptr
    }

    /// # Safety
    /// `ptr` came from `into_raw` of the same `O`, and only one `Entry` is made of it.
    #[inline]
    pub(super) unsafe fn from_raw(ptr: NonNull<u8>) -> Entry<O> {
        Entry {
            ptr,
            owns: PhantomData,
        }
    }

    /// Reads the entry.
    #[inline]
    pub fn as_ref(&self) -> EntryRef<'_, O> {
        EntryRef {
            ptr: self.ptr,
            borrows: PhantomData,
        }
    }

    /// Sets the snapshot epoch.
    #[inline]
    pub fn set_epoch(&mut self, epoch: u8) {
        // SAFETY: inside the fixed part; `&mut self` is exclusive.
        unsafe { self.ptr.add(EPOCH_AT).write(epoch) }
    }

    /// Sets the 24 access bits.
    #[inline]
    pub fn set_access(&mut self, access: u32) {
        let [low, middle, high, _] = access.to_le_bytes();
        // SAFETY: three bytes inside the fixed part; `&mut self` is exclusive.
        unsafe {
            self.ptr
                .add(ACCESS_AT)
                .cast::<[u8; 3]>()
                .write([low, middle, high])
        }
    }

    /// The shared bytes for editing, if that is the form.
    #[inline]
    pub fn shared_mut(&mut self) -> Option<&mut Arc<Vec<u8>>> {
        match self.as_ref().form() {
            // SAFETY: in this form offset 8 holds an initialised, aligned Arc; `&mut self` is exclusive.
            Form::Shared => Some(unsafe { self.ptr.add(BODY_AT).cast::<Arc<Vec<u8>>>().as_mut() }),
            Form::Bytes | Form::Int | Form::Object => None,
        }
    }

    /// The inline bytes for editing, if that is the form.
    #[inline]
    pub fn inline_mut(&mut self) -> Option<&mut [u8]> {
        let shape = self.as_ref().shape();
        // SAFETY: in this form the value lies inside the allocation by the shape and is initialised; `&mut self` is
        // exclusive.
        (shape.form == Form::Bytes).then(|| unsafe {
            let value = self.ptr.add(shape.value_at()).as_ptr();
            std::slice::from_raw_parts_mut(value, shape.value_len)
        })
    }

    /// Sets the caller's bit.
    #[inline]
    pub fn set_raw(&mut self) {
        let flags = self.as_ref().flags() | RAW;
        // SAFETY: inside the fixed part; `&mut self` is exclusive. Nothing of the shape depends on this bit.
        unsafe { self.ptr.add(FLAGS_AT).write(flags) }
    }

    /// The caller's object for editing, if that is the form.
    #[inline]
    pub fn object_mut(&mut self) -> Option<&mut O> {
        match self.as_ref().form() {
            // SAFETY: in this form offset 8 holds an initialised, aligned Box; `&mut self` is exclusive.
            Form::Object => Some(unsafe { self.ptr.add(BODY_AT).cast::<Box<O>>().as_mut() }),
            Form::Bytes | Form::Int | Form::Shared => None,
        }
    }

    /// Changes the expiry time, value untouched.
    pub fn set_expiry(&mut self, expiry: Option<i64>) {
        let old = self.as_ref().shape();
        let (tag, raw) = (self.as_ref().tag(), self.as_ref().is_raw());
        let new = Shape {
            expiry_len: expiry_len(expiry),
            ..old
        };
        let moved = old.key_len + old.value_len;
        if new.class() == old.class() {
            // SAFETY: source and target lie inside the allocation by their shapes; the regions may overlap, which
            // `copy_to` allows. Nothing else moves: word and value length have fixed places.
            unsafe {
                self.ptr
                    .add(old.key_at())
                    .copy_to(self.ptr.add(new.key_at()), moved);
                put_shape(self.ptr, &new, tag, raw, expiry);
            }
        } else {
            let ptr = allocate(new.class());
            // SAFETY: the new allocation has room for the new shape; the fixed part with the word (or value length)
            // is `key_len_at` bytes long in both. The old allocation is freed without dropping the word, which has
            // moved along.
            unsafe {
                self.ptr.copy_to_nonoverlapping(ptr, old.key_len_at());
                let key = self.ptr.add(old.key_at());
                key.copy_to_nonoverlapping(ptr.add(new.key_at()), moved);
                put_shape(ptr, &new, tag, raw, expiry);
                free(self.ptr, old.class());
            }
            self.ptr = ptr;
        }
    }

    /// Replaces value and expiry time, in place if the size class stays. Epoch and access bits stay. Returns what
    /// the old value held outside of the entry.
    pub fn replace(
        &mut self,
        tag: u8,
        raw: bool,
        expiry: Option<i64>,
        body: Body<'_, O>,
    ) -> Displaced<O> {
        let old = self.as_ref().shape();
        let new = Shape {
            form: body.form(),
            key_len: old.key_len,
            expiry_len: expiry_len(expiry),
            value_len: body.inline_len(),
        };
        // SAFETY: the form says what the word is; it is read once here and overwritten or freed below.
        let displaced = unsafe { take_word(self.ptr, old.form) };
        if new.class() == old.class() {
            // SAFETY: both ranges of the key lie inside the allocation by their shapes and may overlap. The key is
            // moved before anything is written over its old place; `body` borrows nothing of this entry, since it
            // is held by `&mut self`.
            unsafe {
                if new.key_at() != old.key_at() {
                    let key = self.ptr.add(old.key_at());
                    key.copy_to(self.ptr.add(new.key_at()), old.key_len);
                }
                put_shape(self.ptr, &new, tag, raw, expiry);
                put_body(self.ptr, &new, body);
            }
        } else {
            let ptr = allocate(new.class());
            // SAFETY: the new allocation has room for the new shape; the old one is freed after its key and its
            // fixed header (epoch and access bits) were copied and its word taken.
            unsafe {
                self.ptr.copy_to_nonoverlapping(ptr, BODY_AT);
                let key = self.ptr.add(old.key_at());
                key.copy_to_nonoverlapping(ptr.add(new.key_at()), old.key_len);
                put_shape(ptr, &new, tag, raw, expiry);
                put_body(ptr, &new, body);
                free(self.ptr, old.class());
            }
            self.ptr = ptr;
        }
        displaced
    }

    /// Overwrites an inline value by another of the same length, where [`EntryRef::takes`] says that it can be.
    #[inline]
    pub fn overwrite(&mut self, value: &[u8]) {
        let shape = self.as_ref().shape();
        assert!(shape.form == Form::Bytes && shape.value_len == value.len());
        // SAFETY: by its shape the entry holds an inline value of this length there; `value` borrows nothing of this
        // entry, since it is held by `&mut self`.
        unsafe {
            let place = self.ptr.add(shape.value_at()).as_ptr();
            place.copy_from_nonoverlapping(value.as_ptr(), value.len());
        }
    }

    /// Overwrites an integer by another; false if the value is not an integer.
    #[inline]
    pub fn set_int(&mut self, value: i64) -> bool {
        if self.as_ref().form() != Form::Int {
            return false;
        }
        // SAFETY: in this form offset 8 holds an aligned i64; `&mut self` is exclusive.
        unsafe { self.ptr.add(BODY_AT).cast::<i64>().write(value) };
        true
    }

    /// Takes the value's outside part and frees the entry itself.
    pub fn dismantle(self) -> Displaced<O> {
        let shape = self.as_ref().shape();
        let ptr = self.into_raw();
        // SAFETY: we own the allocation; the word is taken once, then the allocation is freed with its class.
        unsafe {
            let displaced = take_word(ptr, shape.form);
            free(ptr, shape.class());
            displaced
        }
    }
}

impl<O> Drop for Entry<O> {
    fn drop(&mut self) {
        let shape = self.as_ref().shape();
        // SAFETY: dropped once; nobody uses the allocation afterwards.
        unsafe {
            drop(take_word::<O>(self.ptr, shape.form));
            free(self.ptr, shape.class());
        }
    }
}

impl<O> Body<'_, O> {
    #[inline]
    fn form(&self) -> Form {
        match self {
            Body::Bytes(_) => Form::Bytes,
            Body::Int(_) => Form::Int,
            Body::Shared(_) => Form::Shared,
            Body::Object(_) => Form::Object,
        }
    }

    #[inline]
    fn inline_len(&self) -> usize {
        match self {
            Body::Bytes(bytes) => {
                assert!(
                    bytes.len() <= INLINE_VALUE_BYTES_MAX,
                    "longer values are shared"
                );
                bytes.len()
            }
            Body::Int(_) | Body::Shared(_) | Body::Object(_) => 0,
        }
    }
}

/// Writes kind, flags, key length and expiry time; leaves epoch, access bits, key and body.
///
/// # Safety
/// `ptr` is an exclusively held allocation of at least `shape.class()` bytes.
#[inline]
unsafe fn put_shape(ptr: NonNull<u8>, shape: &Shape, tag: u8, raw: bool, expiry: Option<i64>) {
    debug_assert!(tag < 16);
    let wide_key = shape.key_len > KEY_LEN_NARROW_MAX;
    let mut flags = if raw { RAW } else { 0 };
    flags |= match shape.expiry_len {
        0 => 0,
        6 => HAS_EXPIRY,
        _ => HAS_EXPIRY | WIDE_EXPIRY,
    };
    flags |= if wide_key { WIDE_KEY } else { 0 };
    let key_len = if wide_key {
        u16::MAX
    } else {
        shape.key_len as u16
    };
    // SAFETY: all places are inside the allocation by the shape; the u16 is at an even offset.
    unsafe {
        ptr.add(KIND_AT).write(shape.form as u8 | tag << TAG_SHIFT);
        ptr.add(FLAGS_AT).write(flags);
        ptr.add(KEY_LEN_AT).cast::<u16>().write(key_len);
        if wide_key {
            let len = (shape.key_len as u64).to_le_bytes();
            ptr.add(shape.key_len_at()).cast::<[u8; 8]>().write(len);
        }
        if let Some(at) = expiry {
            let bytes = at.to_le_bytes();
            let place = ptr.add(shape.expiry_at()).as_ptr();
            place.copy_from_nonoverlapping(bytes.as_ptr(), shape.expiry_len);
        }
    }
}

/// Writes the value.
///
/// # Safety
/// `ptr` is an exclusively held allocation of at least `shape.class()` bytes, `shape` fits `body`, the key is in place.
#[inline]
unsafe fn put_body<O>(ptr: NonNull<u8>, shape: &Shape, body: Body<'_, O>) {
    // SAFETY: offset 8 is aligned for all word types and lies inside by the shape, as does the inline value.
    unsafe {
        let word = ptr.add(BODY_AT);
        match body {
            Body::Bytes(bytes) => {
                word.cast::<u16>().write(bytes.len() as u16);
                let place = ptr.add(shape.value_at()).as_ptr();
                place.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            }
            Body::Int(value) => word.cast::<i64>().write(value),
            Body::Shared(shared) => word.cast::<Arc<Vec<u8>>>().write(shared),
            Body::Object(object) => word.cast::<Box<O>>().write(object),
        }
    }
}

/// Moves the word out of the entry.
///
/// # Safety
/// `ptr` is an entry of the given form, exclusively held; the word is not used or dropped again.
#[inline]
unsafe fn take_word<O>(ptr: NonNull<u8>, form: Form) -> Displaced<O> {
    // SAFETY: in these forms offset 8 holds an initialised, aligned value of that type.
    unsafe {
        match form {
            Form::Bytes | Form::Int => Displaced::Nothing,
            Form::Shared => Displaced::Shared(ptr.add(BODY_AT).cast::<Arc<Vec<u8>>>().read()),
            Form::Object => Displaced::Object(ptr.add(BODY_AT).cast::<Box<O>>().read()),
        }
    }
}

#[inline]
fn layout(class: usize) -> Layout {
    Layout::from_size_align(class, ALIGN)
        .expect("a key and an inline value fit half the address space")
}

#[inline]
fn allocate(class: usize) -> NonNull<u8> {
    let layout = layout(class);
    // SAFETY: a class is at least 16.
    let ptr = unsafe { alloc(layout) };
    let Some(ptr) = NonNull::new(ptr) else {
        handle_alloc_error(layout)
    };
    assert!(ptr.addr().get() >> 48 == 0, "addresses have 48 bits");
    ptr
}

/// # Safety
/// `ptr` was allocated with this class and is not used afterwards.
#[inline]
unsafe fn free(ptr: NonNull<u8>, class: usize) {
    // SAFETY: the caller's duty.
    unsafe { dealloc(ptr.as_ptr(), layout(class)) }
}

const _: () = assert!(size_of::<Arc<Vec<u8>>>() == 8 && align_of::<Arc<Vec<u8>>>() <= ALIGN);
const _: () = {
    let shape = Shape {
        form: Form::Bytes,
        key_len: 16,
        expiry_len: 6,
        value_len: 32,
    };
    assert!(
        shape.class() == 64,
        "16 B key, 32 B value, expiry: one cache line"
    );
};

#[cfg(test)]
mod tests {
    use super::*;

    type E = Entry<String>;

    fn body_of(entry: &E) -> Vec<u8> {
        match entry.as_ref().body() {
            BodyRef::Bytes(bytes) => bytes.to_vec(),
            BodyRef::Int(value) => value.to_string().into_bytes(),
            BodyRef::Shared(shared) => shared.to_vec(),
            BodyRef::Object(object) => object.clone().into_bytes(),
        }
    }

    #[test]
    fn size_classes_are_those_of_the_allocators() {
        let classes = [
            16, 32, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 640,
        ];
        for len in 1..=640 {
            let expected = *classes
                .iter()
                .find(|&&class| class >= len)
                .expect("640 is last");
            assert_eq!(size_class(len), expected, "{len}");
        }
        assert_eq!(size_class(4097), 5120);
    }

    #[test]
    fn what_takes_a_value_differs_in_its_bytes_only() {
        for key_len in [0, 5, 70_000] {
            let key = vec![b'k'; key_len];
            let fresh = |raw, expiry, body| E::new(&key, 3, raw, expiry, body);
            let mut entry = fresh(true, None, Body::Bytes(&[1; 20]));
            entry.set_access(77);
            assert!(entry.as_ref().takes(3, true, 20));
            assert!(!entry.as_ref().takes(3, false, 20));
            assert!(!entry.as_ref().takes(2, true, 20));
            assert!(!entry.as_ref().takes(3, true, 21));
            entry.overwrite(&[2; 20]);
            assert_eq!(body_of(&entry), [2; 20]);
            assert_eq!(entry.as_ref().key(), key);
            assert_eq!(entry.as_ref().access(), 77);
            assert!(entry.as_ref().is_raw());
            let volatile = fresh(false, Some(5), Body::Bytes(b"abc"));
            assert!(!volatile.as_ref().takes(3, false, 3));
            let number = fresh(false, None, Body::Int(3));
            assert!(!number.as_ref().takes(3, false, 3));
        }
    }

    #[test]
    fn every_change_keeps_key_access_and_epoch() {
        let lengths: &[usize] = if cfg!(miri) {
            &[0, 16, 700]
        } else {
            &[0, 1, 7, 16, 45, 46, 700, 65534, 65535, 70000]
        };
        let expiries = [
            None,
            Some(0),
            Some(1_700_000_000_000),
            Some(-5),
            Some(i64::MAX),
        ];
        let make = |i: usize| -> (Body<'static, String>, Vec<u8>) {
            match i {
                0 => (Body::Bytes(b""), vec![]),
                1 => (Body::Bytes(&[7; 32]), vec![7; 32]),
                2 => (Body::Bytes(&[8; 40]), vec![8; 40]),
                3 => (Body::Int(-12), b"-12".to_vec()),
                4 => (Body::Shared(Arc::new(vec![9; 2000])), vec![9; 2000]),
                _ => (Body::Object(Box::new("object".into())), b"object".to_vec()),
            }
        };
        for &len in lengths {
            let key: Vec<u8> = (0..len).map(|i| i as u8).collect();
            for from in 0..6 {
                for to in 0..6 {
                    for (i, &first) in expiries.iter().enumerate() {
                        let second = expiries[(i + to + 1) % expiries.len()];
                        let (body, bytes) = make(from);
                        let mut entry = E::new(&key, 3, true, first, body);
                        entry.set_access(0x00ab_cdef);
                        entry.set_epoch(77);
                        assert_eq!(
                            (entry.as_ref().expiry(), body_of(&entry)),
                            (first, bytes.clone())
                        );
                        entry.set_expiry(second);
                        assert_eq!((entry.as_ref().expiry(), body_of(&entry)), (second, bytes));
                        assert!(entry.as_ref().is_raw());
                        assert_eq!(entry.as_ref().tag(), 3);
                        let (body, bytes) = make(to);
                        drop(entry.replace(5, false, first, body));
                        assert_eq!((entry.as_ref().expiry(), body_of(&entry)), (first, bytes));
                        assert_eq!(entry.as_ref().key(), key);
                        assert_eq!(
                            (entry.as_ref().access(), entry.as_ref().epoch()),
                            (0x00ab_cdef, 77)
                        );
                        assert_eq!((entry.as_ref().tag(), entry.as_ref().is_raw()), (5, false));
                    }
                }
            }
        }
    }

    #[test]
    fn inline_bytes_are_edited_where_they_are() {
        let mut entry = Entry::<()>::new(b"key", 0, false, Some(7), Body::Bytes(b"value"));
        entry.inline_mut().unwrap()[4] = b'x';
        entry.set_raw();
        assert!(matches!(entry.as_ref().body(), BodyRef::Bytes(b"valux")));
        assert!(entry.as_ref().is_raw());
        assert_eq!(entry.as_ref().key(), b"key");
        assert_eq!(entry.as_ref().expiry(), Some(7));
        let mut number = Entry::<()>::new(b"key", 0, false, None, Body::Int(7));
        assert!(number.inline_mut().is_none());
    }

    #[test]
    fn same_class_is_overwritten_in_place() {
        let mut entry = E::new(
            b"0123456789abcdef",
            0,
            false,
            Some(1),
            Body::Bytes(&[1; 32]),
        );
        let before = entry.ptr;
        drop(entry.replace(0, false, Some(9), Body::Bytes(&[2; 20])));
        drop(entry.replace(0, false, None, Body::Bytes(&[2; 38])));
        entry.set_expiry(Some(5));
        assert_ne!(entry.ptr, before, "44 bytes more than fit");
        let before = entry.ptr;
        entry.set_expiry(Some(6));
        assert_eq!(entry.ptr, before);
    }

    #[test]
    fn shared_bodies_are_counted_once() {
        let shared = Arc::new(vec![1; 5000]);
        let mut entry = E::new(b"k", 0, false, None, Body::Shared(shared.clone()));
        assert_eq!(Arc::strong_count(&shared), 2);
        entry.set_expiry(Some(1));
        assert_eq!(Arc::strong_count(&shared), 2);
        assert!(matches!(
            entry.replace(0, false, None, Body::Int(3)),
            Displaced::Shared(_)
        ));
        assert_eq!(Arc::strong_count(&shared), 1);
        let entry = E::new(b"k", 0, false, None, Body::Shared(shared.clone()));
        assert!(matches!(entry.dismantle(), Displaced::Shared(_)));
        assert_eq!(Arc::strong_count(&shared), 1);
    }
}
