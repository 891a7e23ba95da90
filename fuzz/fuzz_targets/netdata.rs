//! libFuzzer drives [`fuzz::decks::netdata`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::decks::netdata(bytes));
