//! libFuzzer drives [`fuzz::terminals::frames`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::terminals::frames(bytes));
