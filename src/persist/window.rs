//! A stretch of a file in memory, that slides over it.

use std::io::{self, Read};

/// See the module.
#[derive(Debug)]
pub struct Window<R> {
    file: R,
    size: u64,
    /// Bytes taken from the file.
    taken: u64,
    buffer: Vec<u8>,
    /// What is before this was consumed.
    from: usize,
    step: usize,
}

impl<R: Read> Window<R> {
    /// Over a file of `size` bytes, which is read in steps of so many.
    pub fn new(file: R, size: u64, step: usize) -> Window<R> {
        Window {
            file,
            size,
            taken: 0,
            buffer: Vec::new(),
            from: 0,
            step,
        }
    }

    /// Bytes of the file.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// What is in memory and was not consumed.
    pub fn bytes(&self) -> &[u8] {
        &self.buffer[self.from..]
    }

    /// Bytes of the file that were not consumed.
    pub fn remaining(&self) -> u64 {
        self.size - self.taken + self.bytes().len() as u64
    }

    /// The first `count` bytes are done with.
    pub fn consume(&mut self, count: usize) {
        self.from += count;
    }

    /// Reads on, until at least `need` bytes are in memory; false if the file has not so many. What a length promises
    /// takes memory only if the file has it.
    pub fn extend(&mut self, need: u64) -> io::Result<bool> {
        let here = self.bytes().len() as u64;
        let left = self.size.saturating_sub(self.taken);
        if need > here.saturating_add(left) {
            return Ok(false);
        }
        // As much again: what is looked at from its beginning, each time there is more of it, is looked at twice.
        let want = (need - here.min(need)).max(here).max(self.step as u64);
        self.buffer.drain(..self.from);
        self.from = 0;
        let want = want.min(left);
        self.buffer.reserve(usize::try_from(want).unwrap_or(0));
        let read = (&mut self.file).take(want).read_to_end(&mut self.buffer)?;
        self.taken += read as u64;
        if (read as u64) < want {
            self.size = self.taken;
        }
        Ok(self.buffer.len() as u64 >= need)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_slides_over_all_bytes() {
        let file: Vec<u8> = (0..=255).cycle().take(5000).collect();
        for step in [1, 7, 1000, 9000] {
            let mut window = Window::new(&file[..], file.len() as u64, step);
            let mut seen = Vec::new();
            while window.extend(3).unwrap() {
                seen.extend_from_slice(&window.bytes()[..3]);
                window.consume(3);
            }
            assert_eq!(seen, file[..4998]);
            assert_eq!(window.remaining(), 2);
            // Not even tried.
            assert!(!window.extend(u64::MAX).unwrap());
            assert!(window.extend(2).unwrap());
        }
    }
}
