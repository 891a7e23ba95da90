//! The partition on the KVM that is there: machines compute, fault, are interrupted, and never see one another.
//!
//! These tests need `/dev/kvm`; without it they fail and say so. `CP64_TEST_PROCESSOR=soft` runs them on the software processor.
// Guest code is written as assembly, which counts as unsafe although it is never executed here.
#![allow(unsafe_code)]

mod contract;
mod isolation;
mod machines;

mod paging;
mod random;
mod slices;
mod soft;
mod vectors;
