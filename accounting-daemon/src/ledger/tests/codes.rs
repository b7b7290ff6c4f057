//! When two codes are one.

use crate::ledger::scenario::check;

/// "Codes are compared without case, spaces and dashes, and with O=0, I=L=1 folded."
#[test]
fn codes_are_compared_without_case_spaces_and_dashes_and_with_look_alikes_folded() {
    check(
        "token A 60m seats 3 code K0L1I-abcde
         type k0l1iabcde d1 -> ok
         type _KO-1_11-ABCDE_ d2 -> ok
         type K0L2I-abcde d3 -> UnknownCode",
    );
}

/// "Two codes that fold to the same are duplicates and the second is refused at creation."
#[test]
fn two_codes_that_fold_to_the_same_are_duplicates_and_the_second_is_refused_at_creation() {
    check(
        "token A 60m code OIL-5
         token B 60m code 01-i5 -> CodeInUse
         token C 60m code oil-6
         type 0115 d1 -> ok
         seats A 1",
    );
}

/// "Leading zeros count: a code is text."
#[test]
fn leading_zeros_count_a_code_is_text() {
    check(
        "token A 60m code 0042
         type 42 d1 -> UnknownCode
         type 00042 d1 -> UnknownCode
         token B 60m code 42
         type oo42 d1 -> ok
         seats A 1",
    );
}
