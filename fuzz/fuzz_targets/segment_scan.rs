//! libFuzzer drives [`fuzz::segment_scan`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::segment_scan(bytes));
