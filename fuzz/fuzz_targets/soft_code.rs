//! libFuzzer drives [`fuzz::soft::code`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::soft::code(bytes));
