//! Streams arrive in pieces of any size; the answer must not depend on which.

/// Places to cut at, told by a number that the fuzzer chooses.
#[derive(Clone, Debug)]
pub struct Cuts {
    state: u32,
    /// Most bytes of a chunk.
    max: u32,
}

impl Cuts {
    /// Takes the number from the front of `input`; returns what follows, too.
    pub fn of(input: &[u8]) -> Option<(Cuts, &[u8])> {
        let (number, rest) = input.split_first_chunk::<2>()?;
        let number = u32::from(u16::from_le_bytes(*number));
        // Mostly a few bytes, sometimes many.
        let max = [2, 7, 60, 4000][(number & 3) as usize];
        Some((Cuts { state: number | 1 << 16, max }, rest))
    }

    /// The next chunk of `rest`, which is not empty.
    pub fn next<'a>(&mut self, rest: &'a [u8]) -> &'a [u8] {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 17;
        self.state ^= self.state << 5;
        let len = 1 + (self.state % self.max) as usize;
        &rest[..len.min(rest.len())]
    }
}

/// The chunks of `bytes`, in their order.
pub fn each<'a>(bytes: &'a [u8], mut cuts: Cuts) -> impl Iterator<Item = &'a [u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let chunk = cuts.next(rest);
        rest = &rest[chunk.len()..];
        Some(chunk)
    })
}
