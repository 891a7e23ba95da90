//! libFuzzer drives [`fuzz::dumps::vmdump_storage`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::dumps::vmdump_storage(bytes));
