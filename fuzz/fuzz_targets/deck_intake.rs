//! libFuzzer drives [`fuzz::decks::deck_intake`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::decks::deck_intake(bytes));
