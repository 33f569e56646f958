//! Which loader a program asks for: the kernel runs it too, so that it must be let run (elf(5),
//! `PT_INTERP`).

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// A 64-bit, little-endian program, as every system that is confined here has them.
const MAGIC: [u8; 6] = [0x7f, b'E', b'L', b'F', 2, 1];

/// The type of a program header that names the loader.
const PT_INTERP: u32 = 3;

/// Headers that are looked at; programs have about a dozen.
const MOST_HEADERS: u16 = 64;

/// Bytes of a path that is believed.
const LONGEST_PATH: u64 = 4096;

/// The loader of this program; `None` if it names none, or is no such program.
pub(super) fn of(program: &Path) -> Option<PathBuf> {
    let file = File::open(program).ok()?;
    let mut head = [0; 64];
    file.read_exact_at(&mut head, 0).ok()?;
    if head[..6] != MAGIC {
        return None;
    }
    let first = u64::from_le_bytes(head[32..40].try_into().ok()?);
    let size = u16::from_le_bytes(head[54..56].try_into().ok()?);
    let count = u16::from_le_bytes(head[56..58].try_into().ok()?);
    for number in 0..count.min(MOST_HEADERS) {
        let mut header = [0; 56];
        let at = first.checked_add(u64::from(number) * u64::from(size))?;
        file.read_exact_at(&mut header, at).ok()?;
        if u32::from_le_bytes(header[..4].try_into().ok()?) == PT_INTERP {
            let at = u64::from_le_bytes(header[8..16].try_into().ok()?);
            let length = u64::from_le_bytes(header[32..40].try_into().ok()?);
            let mut path = vec![0; usize::try_from(length.min(LONGEST_PATH)).ok()?];
            file.read_exact_at(&mut path, at).ok()?;
            let path = path.split(|byte| *byte == 0).next()?;
            return Some(PathBuf::from(std::str::from_utf8(path).ok()?));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loader_of_a_program_is_found() {
        let own = of(&std::env::current_exe().unwrap()).unwrap();
        assert!(own.exists(), "{}", own.display());
        assert_eq!(of(Path::new("/etc/passwd")), None);
        assert_eq!(of(Path::new("/nonexistent")), None);
    }
}
