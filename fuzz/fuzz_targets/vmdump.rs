//! libFuzzer drives [`fuzz::dumps::vmdump`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::dumps::vmdump(bytes));
