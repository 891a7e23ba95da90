//! libFuzzer drives [`fuzz::cms::command`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::cms::command(bytes));
