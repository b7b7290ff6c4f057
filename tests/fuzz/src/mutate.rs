//! Inputs made from others: bytes changed, parts repeated, left out, or taken from elsewhere.

/// Bytes that mean something in the languages of the targets, and numbers at the edges of their types.
const TOKENS: [&[u8]; 36] = [
    b"\"",
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b",",
    b"&",
    b"=",
    b"%",
    b"%00",
    b"%zz",
    b"+",
    b"\r\n",
    b"\n",
    b"'",
    b"\\u0000",
    b"\\ud800",
    b"null",
    b"true",
    b"-1",
    b"0",
    b"1e400",
    b"9223372036854775807",
    b"9223372036854775808",
    b"18446744073709551616",
    b"2147483648",
    b"2025-02-29T24:00:60Z",
    b"9999-12-31T23:59:59-01:00",
    b"\xff\xfe",
    b"\xc3\xa9",
    b"\0",
    b"\x08\x00",
    b"\x86\xdd",
    b"\x81\x00",
    b"\xff\xff\xff\xff",
];

/// The longest input in bytes.
const BYTES_MAX: usize = 64 * 1024;

/// Chance from a seed: SplitMix64.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number up to `end`, included.
    fn up_to(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % (end as u64 + 1)).unwrap_or(0)
    }

    /// One of several, of which there are some.
    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.up_to(from.len() - 1)]
    }

    /// A part of an input, from where to where.
    fn part(&mut self, input: &[u8]) -> (usize, usize) {
        let begin = self.up_to(input.len());
        let length = self.up_to((input.len() - begin).min(64));
        (begin, begin + length)
    }

    /// One of the inputs, changed in up to eight ways.
    pub(crate) fn mutated(&mut self, inputs: &[Vec<u8>]) -> Vec<u8> {
        let mut input = self.pick(inputs).clone();
        for _ in 0..=self.up_to(7) {
            self.change(&mut input, inputs);
        }
        input.truncate(BYTES_MAX);
        input
    }

    fn change(&mut self, input: &mut Vec<u8>, inputs: &[Vec<u8>]) {
        let (begin, end) = self.part(input);
        match self.up_to(6) {
            0 if begin < input.len() => input[begin] ^= 1 << self.up_to(7),
            1 if begin < input.len() => input[begin] = self.next().to_le_bytes()[0],
            2 => drop(input.drain(begin..end)),
            3 => drop(input.splice(begin..end, self.pick(&TOKENS).iter().copied())),
            4 => {
                let repeated = input[begin..end].to_vec();
                let at = self.up_to(input.len());
                drop(input.splice(at..at, repeated));
            }
            5 => {
                let other = self.pick(inputs).clone();
                let (from, to) = self.part(&other);
                drop(input.splice(begin..end, other[from..to].iter().copied()));
            }
            _ => input.truncate(begin.max(1)),
        }
    }
}
