//! Parts of long answers: who asks for much is answered piece by piece.

/// Records that one question looks at, at most; the answer then says where to go on.
pub(super) const LOOKED_AT_MAX: usize = 20_000;

/// A part of a long answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part<T> {
    /// Records with their numbers.
    pub records: Vec<(u64, T)>,
    /// The number after which the next part begins; `None` at the end.
    pub next: Option<u64>,
}
