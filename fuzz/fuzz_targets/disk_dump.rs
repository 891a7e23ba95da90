//! libFuzzer drives [`fuzz::decks::disk_dump`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::decks::disk_dump(bytes));
