//! libFuzzer drives [`fuzz::pc::board`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::pc::board(bytes));
