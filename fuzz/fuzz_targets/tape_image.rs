//! libFuzzer drives [`fuzz::cms::tape_image`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::cms::tape_image(bytes));
