//! libFuzzer drives [`fuzz::pc::pc_image`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::pc::pc_image(bytes));
