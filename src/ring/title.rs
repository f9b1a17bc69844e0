//! The title of the process: what `ps` shows in place of its arguments.
//!
//! The kernel shows the memory where it once put them, and where the environment follows if the last byte of the arguments
//! is not zero. So a title may be as long as both together, after the environment was copied to elsewhere.
#![expect(
    unsafe_code,
    reason = "writes to the memory that the kernel shows as the arguments of the process"
)]

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;

/// Where the title goes. There is one in a process.
#[derive(Debug)]
pub struct TitleArea {
    start: usize,
    /// Its last byte is always zero.
    end: usize,
}

impl TitleArea {
    /// Moves the environment away and takes the area. Once only, before there is a second thread, and when the arguments
    /// have been read; `None` where the kernel does not tell of it.
    pub fn claim() -> Option<TitleArea> {
        let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
        let (start, end) = bounds(&stat)?;
        for (name, value) in std::env::vars_os() {
            let (name, value) = (
                CString::new(name.as_bytes()).ok()?,
                CString::new(value.as_bytes()).ok()?,
            );
            // SAFETY: both are strings with an end, which libc copies; there is no other thread that could be reading the
            // environment.
            if unsafe { libc::setenv(name.as_ptr(), value.as_ptr(), 1) } != 0 {
                return None;
            }
        }
        Some(TitleArea { start, end })
    }

    /// Shows a title, cut off if the area is too small. It holds no zero byte.
    pub fn set(&mut self, title: &[u8]) {
        let room = self.end - self.start;
        let title = &title[..title.len().min(room - 1)];
        let area = std::ptr::with_exposed_provenance_mut::<u8>(self.start);
        // SAFETY: the kernel put the arguments and the environment at `start..end` of this process's stack, writable and
        // there for as long as it lives. libc's pointers into it are not used any more: those to the environment have been
        // replaced, and the arguments were read before. Even if somebody did, the last byte stays zero.
        unsafe {
            area.write_bytes(0, room);
            area.copy_from(title.as_ptr(), title.len());
        }
    }
}

/// From where to where arguments and environment lie, of the text of `/proc/self/stat`: its fields 48 to 51.
fn bounds(stat: &str) -> Option<(usize, usize)> {
    // The second field is in brackets and may contain anything.
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<usize> = rest
        .split_ascii_whitespace()
        .skip(45)
        .take(4)
        .map_while(|field| field.parse().ok())
        .collect();
    let [arguments, arguments_end, environment, environment_end] = fields[..] else {
        return None;
    };
    let end = match arguments_end == environment {
        true => environment_end,
        false => arguments_end,
    };
    (arguments != 0 && arguments < end).then_some((arguments, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_area_is_told_by_the_kernel() {
        let fields: Vec<String> = (3..=52).map(|field| field.to_string()).collect();
        let stat = format!("1 (a) b)) {}", fields.join(" "));
        assert_eq!(bounds(&stat), Some((48, 49)));
        let stat = stat.replace(" 50 51", " 49 60");
        assert_eq!(bounds(&stat), Some((48, 60)));
        assert_eq!(bounds("1 (a) S 1 2 3"), None);
        assert_eq!(bounds(""), None);
        let own = std::fs::read_to_string("/proc/self/stat").unwrap();
        assert!(bounds(&own).is_some());
    }
}
