//! libFuzzer drives [`fuzz::debuggers::gdb`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::debuggers::gdb(bytes));
