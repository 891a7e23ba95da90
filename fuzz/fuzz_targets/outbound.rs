//! libFuzzer drives [`fuzz::terminals::outbound`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::terminals::outbound(bytes));
