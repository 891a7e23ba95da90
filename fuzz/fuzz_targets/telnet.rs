//! libFuzzer drives [`fuzz::terminals::telnet`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::terminals::telnet(bytes));
