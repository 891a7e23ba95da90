//! libFuzzer drives [`fuzz::disks::disk_label`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::disks::disk_label(bytes));
