//! libFuzzer drives [`fuzz::cms::executable`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::cms::executable(bytes));
