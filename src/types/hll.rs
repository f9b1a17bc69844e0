//! HyperLogLogs: estimates of how many distinct elements were seen, inside strings.
//!
//! An element's hash picks one of 16384 registers and gives it a rank, how many zero bits come first, plus one; the
//! register keeps the highest rank. How the ranks are spread tells how many elements there were, within 0.81 %. The
//! bytes are those of Redis, so a value can be read with GET, set with SET, and go through DUMP.
//!
//! ```text
//! "HYLL" | encoding: 0 dense, 1 sparse | 3 unused | last estimate, u64 LE; bit 63: is out of date | registers
//!
//! dense: 6 bits a register, low bits first
//! sparse, runs of registers:  00llllll            l + 1 zeros
//!                             01llllll llllllll   l + 1 zeros, high bits first
//!                             1vvvvvll            l + 1 times v + 1
//! ```
//!
//! A sparse one becomes dense when it outgrows a limit, or when a rank is above 32. Whatever a string holds, nothing
//! here goes beyond its bytes: runs that do not add up to 16384 registers are [`Corrupt`].

use crate::base::num::write_u64;

/// How many registers there are.
pub const REGISTERS: usize = 1 << INDEX_BITS;

/// All registers, a byte each.
pub type Registers = [u8; REGISTERS];

/// The registers of a string do not make sense.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Corrupt;

/// How registers are laid out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Encoding {
    /// Six bits each.
    Dense,
    /// Runs.
    Sparse,
}

const INDEX_BITS: u32 = 14;
/// Bits of a hash that the rank is found in; the highest rank is one more.
const RANK_BITS: usize = 64 - INDEX_BITS as usize;
const REGISTER_BITS: usize = 6;
const REGISTER_MAX: u8 = 63;

const MAGIC: &[u8] = b"HYLL";
const ENCODING_AT: usize = 4;
const ESTIMATE_AT: usize = 8;
const HEADER_BYTES: usize = 16;
const DENSE_BYTES: usize = HEADER_BYTES + REGISTERS * REGISTER_BITS / 8;
const OUT_OF_DATE: u64 = 1 << 63;

const ZEROS_MAX: usize = 64;
const MANY_ZEROS_MAX: usize = 16384;
const VALUE_MAX: u8 = 32;
const VALUES_MAX: usize = 4;

/// One that has seen nothing.
pub fn empty() -> Vec<u8> {
    let mut bytes = vec![0; HEADER_BYTES];
    bytes[..MAGIC.len()].copy_from_slice(MAGIC);
    bytes[ENCODING_AT] = 1;
    push_run(&mut bytes, 0, REGISTERS);
    bytes
}

/// What a string is encoded as, if it is a HyperLogLog at all.
pub fn encoding(bytes: &[u8]) -> Option<Encoding> {
    if bytes.len() < HEADER_BYTES || !bytes.starts_with(MAGIC) {
        return None;
    }
    match bytes[ENCODING_AT] {
        0 if bytes.len() == DENSE_BYTES => Some(Encoding::Dense),
        1 => Some(Encoding::Sparse),
        _ => None,
    }
}

/// The estimate as it was noted last, unless registers have changed since.
pub fn noted_estimate(bytes: &[u8]) -> Option<u64> {
    let (noted, _) = bytes.get(ESTIMATE_AT..)?.split_first_chunk()?;
    let noted = u64::from_le_bytes(*noted);
    (noted & OUT_OF_DATE == 0).then_some(noted)
}

/// Notes an estimate.
pub fn note_estimate(bytes: &mut [u8], estimate: u64) {
    bytes[ESTIMATE_AT..HEADER_BYTES].copy_from_slice(&estimate.to_le_bytes());
}

/// Notes that registers have changed.
pub fn forget_estimate(bytes: &mut [u8]) {
    bytes[HEADER_BYTES - 1] |= (OUT_OF_DATE >> 56) as u8;
}

/// Counts an element. Returns whether that changed a register. Runs may take up to `sparse_bytes_max` bytes, the header
/// included.
pub fn add(bytes: &mut Vec<u8>, element: &[u8], sparse_bytes_max: u64) -> Result<bool, Corrupt> {
    let (index, rank) = place(element);
    raise(bytes, index, rank, sparse_bytes_max)
}

/// Whether a dense one would be changed by counting an element.
pub fn dense_would_change(bytes: &[u8], element: &[u8]) -> bool {
    let (index, rank) = place(element);
    rank > get(bytes, index)
}

/// Raises a register to at least `rank`. Returns whether that changed it.
pub fn raise(
    bytes: &mut Vec<u8>,
    index: usize,
    rank: u8,
    sparse_bytes_max: u64,
) -> Result<bool, Corrupt> {
    match encoding(bytes) {
        None => Err(Corrupt),
        Some(Encoding::Dense) => Ok(raise_dense(bytes, index, rank)),
        Some(Encoding::Sparse) => raise_sparse(bytes, index, rank, sparse_bytes_max),
    }
}

/// Estimates how many elements were counted.
pub fn estimate(bytes: &[u8]) -> Result<u64, Corrupt> {
    let mut histogram = [0; REGISTER_MAX as usize + 1];
    match encoding(bytes) {
        None => return Err(Corrupt),
        Some(Encoding::Dense) => {
            for &[a, b, c] in bytes[HEADER_BYTES..].as_chunks().0 {
                let four = [
                    a & 63,
                    (a >> 6 | b << 2) & 63,
                    (b >> 4 | c << 4) & 63,
                    c >> 2,
                ];
                for rank in four {
                    histogram[usize::from(rank)] += 1;
                }
            }
        }
        Some(Encoding::Sparse) => {
            let mut total = 0;
            for run in Runs::of(bytes) {
                histogram[usize::from(run.value)] += run.len;
                total += run.len;
            }
            if total != REGISTERS {
                return Err(Corrupt);
            }
        }
    }
    Ok(estimate_of(&histogram))
}

/// Estimates how many elements some registers have counted.
pub fn estimate_registers(registers: &Registers) -> u64 {
    let mut histogram = [0; REGISTER_MAX as usize + 1];
    for &rank in registers {
        histogram[usize::from(rank & REGISTER_MAX)] += 1;
    }
    estimate_of(&histogram)
}

/// Raises registers to what a HyperLogLog has.
pub fn merge(registers: &mut Registers, bytes: &[u8]) -> Result<(), Corrupt> {
    match encoding(bytes) {
        None => return Err(Corrupt),
        Some(Encoding::Dense) => {
            for (index, register) in registers.iter_mut().enumerate() {
                *register = get(bytes, index).max(*register);
            }
        }
        Some(Encoding::Sparse) => {
            let mut rest = &mut registers[..];
            for run in Runs::of(bytes) {
                let (covered, beyond) = rest.split_at_mut_checked(run.len).ok_or(Corrupt)?;
                if run.value > 0 {
                    covered.iter_mut().for_each(|it| *it = run.value.max(*it));
                }
                rest = beyond;
            }
            if !rest.is_empty() {
                return Err(Corrupt);
            }
        }
    }
    Ok(())
}

/// All registers.
pub fn registers(bytes: &[u8]) -> Result<Box<Registers>, Corrupt> {
    let mut registers = Box::new([0; REGISTERS]);
    merge(&mut registers, bytes)?;
    Ok(registers)
}

/// Makes it dense. Returns whether it was sparse.
pub fn make_dense(bytes: &mut Vec<u8>) -> Result<bool, Corrupt> {
    if encoding(bytes) != Some(Encoding::Sparse) {
        return Ok(false);
    }
    let mut dense = vec![0; DENSE_BYTES];
    dense[..HEADER_BYTES].copy_from_slice(&bytes[..HEADER_BYTES]);
    dense[ENCODING_AT] = 0;
    for (index, &rank) in registers(bytes)?.iter().enumerate() {
        if rank > 0 {
            set(&mut dense, index, rank);
        }
    }
    *bytes = dense;
    Ok(true)
}

/// The runs of a sparse one as PFDEBUG DECODE shows them: `z:len`, `Z:len` for long ones, `v:value,len`.
pub fn describe(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    for run in Runs::of(bytes) {
        if !text.is_empty() {
            text.push(b' ');
        }
        match (run.value, run.bytes) {
            (0, 1) => text.extend_from_slice(b"z:"),
            (0, _) => text.extend_from_slice(b"Z:"),
            (value, _) => {
                text.extend_from_slice(b"v:");
                write_u64(&mut text, value.into());
                text.push(b',');
            }
        }
        write_u64(&mut text, run.len as u64);
    }
    text
}

/// The register of an element, and its rank there.
fn place(element: &[u8]) -> (usize, u8) {
    let hash = murmur64a(element, HASH_SEED);
    let index = hash as usize & (REGISTERS - 1);
    // A bit beyond the others ends the run of zeros at the latest.
    let rest = hash >> INDEX_BITS | 1 << RANK_BITS;
    (index, rest.trailing_zeros() as u8 + 1)
}

fn get(bytes: &[u8], index: usize) -> u8 {
    let (byte, shift) = register_place(index);
    let low = u16::from(bytes[byte]);
    let high = bytes.get(byte + 1).map_or(0, |&high| u16::from(high));
    ((low | high << 8) >> shift) as u8 & REGISTER_MAX
}

fn set(bytes: &mut [u8], index: usize, rank: u8) {
    let (byte, shift) = register_place(index);
    let mask = u16::from(REGISTER_MAX) << shift;
    let value = u16::from(rank) << shift;
    bytes[byte] = bytes[byte] & !(mask as u8) | value as u8;
    if let Some(high) = bytes.get_mut(byte + 1) {
        *high = *high & !((mask >> 8) as u8) | (value >> 8) as u8;
    }
}

fn register_place(index: usize) -> (usize, usize) {
    let bit = index * REGISTER_BITS;
    (HEADER_BYTES + bit / 8, bit % 8)
}

fn raise_dense(bytes: &mut [u8], index: usize, rank: u8) -> bool {
    let is_higher = rank > get(bytes, index);
    if is_higher {
        set(bytes, index, rank);
    }
    is_higher
}

/// A run of registers of the same value.
#[derive(Clone, Copy)]
struct Run {
    value: u8,
    len: usize,
    /// Bytes it takes.
    bytes: usize,
}

impl Run {
    fn at(bytes: &[u8], at: usize) -> Option<Run> {
        let first = *bytes.get(at)?;
        let low = usize::from(first & 0x3f);
        Some(match first >> 6 {
            0 => Run {
                value: 0,
                len: low + 1,
                bytes: 1,
            },
            1 => Run {
                value: 0,
                // What is cut off reads as zero.
                len: (low << 8 | bytes.get(at + 1).map_or(0, |&byte| usize::from(byte))) + 1,
                bytes: 2,
            },
            _ => Run {
                value: (first >> 2 & 0x1f) + 1,
                len: usize::from(first & 3) + 1,
                bytes: 1,
            },
        })
    }
}

/// The runs of a sparse one.
struct Runs<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Runs<'a> {
    fn of(bytes: &'a [u8]) -> Runs<'a> {
        Runs {
            bytes,
            at: HEADER_BYTES,
        }
    }
}

impl Iterator for Runs<'_> {
    type Item = Run;

    fn next(&mut self) -> Option<Run> {
        let run = Run::at(self.bytes, self.at)?;
        self.at += run.bytes;
        Some(run)
    }
}

/// Appends a run. Zeros take one or two bytes.
fn push_run(out: &mut Vec<u8>, value: u8, len: usize) {
    match (value, len) {
        (_, 0) => {}
        (0, 1..=ZEROS_MAX) => out.push(len as u8 - 1),
        (0, _) => {
            debug_assert!(len <= MANY_ZEROS_MAX);
            let len = len - 1;
            out.extend_from_slice(&[(len >> 8) as u8 | 0x40, len as u8]);
        }
        (value, _) => out.push((value - 1) << 2 | (len as u8 - 1) | 0x80),
    }
}

fn raise_sparse(
    bytes: &mut Vec<u8>,
    index: usize,
    rank: u8,
    bytes_max: u64,
) -> Result<bool, Corrupt> {
    if rank > VALUE_MAX {
        make_dense(bytes)?;
        return Ok(raise_dense(bytes, index, rank));
    }
    // The run that has the register, and the one before it.
    let (mut at, mut first, mut before) = (HEADER_BYTES, 0, HEADER_BYTES);
    let run = loop {
        let run = Run::at(bytes, at).ok_or(Corrupt)?;
        if index < first + run.len {
            break run;
        }
        before = at;
        at += run.bytes;
        first += run.len;
    };
    if at + run.bytes > bytes.len() {
        return Err(Corrupt);
    }
    if run.value >= rank {
        return Ok(false);
    }
    // The run falls into what is before the register, the register, and what is behind it.
    let last = first + run.len - 1;
    let mut parts = Vec::with_capacity(5);
    push_run(&mut parts, run.value, index - first);
    push_run(&mut parts, rank, 1);
    push_run(&mut parts, run.value, last - index);
    if parts.len() > run.bytes && (bytes.len() + parts.len() - run.bytes) as u64 > bytes_max {
        make_dense(bytes)?;
        return Ok(raise_dense(bytes, index, rank));
    }
    bytes.splice(at..at + run.bytes, parts);
    unite(bytes, before);
    forget_estimate(bytes);
    Ok(true)
}

/// Unites neighbouring runs of the same value from `at` on, as far as a change can have made any.
fn unite(bytes: &mut Vec<u8>, mut at: usize) {
    for _ in 0..5 {
        let Some(run) = Run::at(bytes, at) else {
            return;
        };
        if run.value > 0
            && let Some(next) = Run::at(bytes, at + 1)
            && next.value == run.value
            && next.len + run.len <= VALUES_MAX
        {
            bytes.remove(at);
            bytes[at] = (run.value - 1) << 2 | (next.len + run.len - 1) as u8 | 0x80;
            continue;
        }
        at += run.bytes;
    }
}

/// Otmar Ertl's estimator: no tables, no thresholds. `histogram` has how many registers are at each rank.
fn estimate_of(histogram: &[usize; REGISTER_MAX as usize + 1]) -> u64 {
    let m = REGISTERS as f64;
    let count = |rank: usize| histogram[rank] as f64;
    let mut z = m * tau((m - count(RANK_BITS + 1)) / m);
    for rank in (1..=RANK_BITS).rev() {
        z += count(rank);
        z *= 0.5;
    }
    z += m * sigma(count(0) / m);
    (ALPHA * m * m / z).round() as u64
}

fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if before == z {
            return z;
        }
    }
}

fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if before == z {
            return z / 3.0;
        }
    }
}

/// 1 / (2 ln 2)
const ALPHA: f64 = 0.721_347_520_444_481_7;

const HASH_SEED: u64 = 0xadc8_3b19;

/// MurmurHash2, 64 bits, variant A, by Austin Appleby.
fn murmur64a(text: &[u8], seed: u64) -> u64 {
    const M: u64 = 0xc6a4_a793_5bd1_e995;
    const R: u32 = 47;
    let mut hash = seed ^ (text.len() as u64).wrapping_mul(M);
    let (words, tail) = text.as_chunks();
    for word in words {
        let mut word = u64::from_le_bytes(*word).wrapping_mul(M);
        word ^= word >> R;
        hash = (hash ^ word.wrapping_mul(M)).wrapping_mul(M);
    }
    if !tail.is_empty() {
        let mut word = [0; 8];
        word[..tail.len()].copy_from_slice(tail);
        hash = (hash ^ u64::from_le_bytes(word)).wrapping_mul(M);
    }
    hash = (hash ^ hash >> R).wrapping_mul(M);
    hash ^ hash >> R
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    #[test]
    fn sparse_and_dense_agree() {
        for seed in 0..8 {
            let mut rng = Rng::new(seed);
            let mut sparse = empty();
            let mut dense = empty();
            assert_eq!(make_dense(&mut dense), Ok(true));
            for step in 0..3000 {
                let element = rng.next_u64().to_le_bytes();
                let changed = add(&mut sparse, &element, u64::MAX);
                assert_eq!(dense_would_change(&dense, &element), changed == Ok(true));
                assert_eq!(add(&mut dense, &element, 0), changed);
                if step % 100 == 0 {
                    assert_eq!(registers(&sparse), registers(&dense));
                    assert_eq!(estimate(&sparse), estimate(&dense));
                    let total: usize = Runs::of(&sparse).map(|run| run.len).sum();
                    assert_eq!(total, REGISTERS);
                }
            }
            assert_eq!(encoding(&sparse), Some(Encoding::Sparse));
            make_dense(&mut sparse).unwrap();
            assert_eq!(sparse[HEADER_BYTES..], dense[HEADER_BYTES..]);
        }
    }

    #[test]
    fn estimates_are_close() {
        let mut rng = Rng::new(1);
        let mut bytes = empty();
        assert_eq!((estimate(&bytes), noted_estimate(&bytes)), (Ok(0), Some(0)));
        let mut checkpoint = 10;
        for count in 1..=100_000_u64 {
            add(&mut bytes, &rng.next_u64().to_le_bytes(), 3000).unwrap();
            if count == checkpoint {
                let off = estimate(&bytes).unwrap().abs_diff(count);
                assert!(
                    off as f64 <= 0.0325 * count as f64 + 1.0,
                    "{off} at {count}"
                );
                checkpoint *= 10;
            }
        }
        assert_eq!(encoding(&bytes), Some(Encoding::Dense));
        assert_eq!(noted_estimate(&bytes), None);
        let registers = registers(&bytes).unwrap();
        assert_eq!(Ok(estimate_registers(&registers)), estimate(&bytes));
        note_estimate(&mut bytes, 7);
        assert_eq!(noted_estimate(&bytes), Some(7));
    }

    #[test]
    fn runs_are_described() {
        let mut bytes = empty();
        assert_eq!(describe(&bytes), b"Z:16384");
        raise(&mut bytes, 10, 3, 3000).unwrap();
        raise(&mut bytes, 11, 3, 3000).unwrap();
        assert_eq!(describe(&bytes), b"z:10 v:3,2 Z:16372");
        raise(&mut bytes, 0, 1, 3000).unwrap();
        raise(&mut bytes, REGISTERS - 1, 32, 3000).unwrap();
        assert_eq!(describe(&bytes), b"v:1,1 z:9 v:3,2 Z:16371 v:32,1");
        raise(&mut bytes, 5, 33, 3000).unwrap();
        assert_eq!(encoding(&bytes), Some(Encoding::Dense));
        assert_eq!((get(&bytes, 5), get(&bytes, 11)), (33, 3));
        assert_eq!((get(&bytes, REGISTERS - 1), get(&bytes, 6)), (32, 0));
    }

    #[test]
    fn garbage_is_refused_or_survived() {
        let mut rng = Rng::new(9);
        for _ in 0..3000 {
            let mut bytes = empty();
            bytes.truncate(HEADER_BYTES);
            let len = rng.index(400);
            bytes.extend((0..len).map(|_| rng.next_u64() as u8));
            let is_right = Runs::of(&bytes).map(|run| run.len).sum::<usize>() == REGISTERS;
            assert_eq!(estimate(&bytes).is_ok(), is_right);
            assert_eq!(registers(&bytes).is_ok(), is_right);
            let _ = describe(&bytes);
            let mut copy = bytes.clone();
            let _ = raise(
                &mut copy,
                rng.index(REGISTERS),
                1 + rng.below(50) as u8,
                3000,
            );
            assert_eq!(make_dense(&mut bytes).is_ok(), is_right);
        }
        assert_eq!(encoding(b"HYLL"), None);
        assert_eq!(encoding(&[0; 16]), None);
    }
}
