//! libFuzzer drives [`fuzz::terminals::inbound`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::terminals::inbound(bytes));
