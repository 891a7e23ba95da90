//! Measurement only: what the host charges for the bare operations that the partition is compared with.
