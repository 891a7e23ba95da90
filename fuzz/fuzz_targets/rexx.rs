//! libFuzzer drives [`fuzz::cms::rexx`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::cms::rexx(bytes));
