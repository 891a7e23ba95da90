//! libFuzzer drives [`fuzz::decks::text_content`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::decks::text_content(bytes));
