//! Minidisks: the CMS file system ([`edf`]), its code page ([`ebcdic`]), the border between host files and CMS records
//! ([`text`]), and with the feature `std` the host files that hold a minidisk (`extent`), images
//! of other programs (`image`), dumps (`dump`) and folders of the host (`folder`).
//!
//! This crate talks to nothing of ours. CP uses [`edf`] and `extent` for its host tools and for first start, CMS uses
//! [`edf`] inside the guest over block-I/O, hence `no_std` + `alloc` without the default feature `std`.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

#[cfg(feature = "std")]
pub mod dump;
pub mod ebcdic;
pub mod edf;
#[cfg(feature = "std")]
pub mod extent;
#[cfg(feature = "std")]
pub mod folder;
#[cfg(feature = "std")]
pub mod image;
#[cfg(feature = "std")]
pub mod sparse;
pub mod text;
