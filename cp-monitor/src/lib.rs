//! The control program of CP-64 (CP).
//!
//! Read it from [`system`] (what there is and how it starts and ends) to [`users`] (who is logged on), [`machine`] (what one of
//! their machines is), [`dispatcher`] (who runs next), [`processor`] and [`storage`] (what runs it, and where), and [`command`]
//! (the language all of it is driven with).

pub mod accounting;
pub mod audit;
pub mod clock;
pub mod command;
pub mod debug;
pub mod directory;
pub mod dispatcher;
pub mod help;
pub mod links;
pub mod machine;
pub mod metrics;
pub mod paging;
pub mod pc;
pub mod processor;
pub mod prop;
pub mod real_devices;
pub mod storage;
pub mod system;
pub mod trial;
pub mod users;
pub mod workers;

/// Version of CP.
pub const RELEASE: &str = env!("CARGO_PKG_VERSION");

/// What follows the version at logon.
pub const DESCRIPTION: &str = "a time-sharing virtual machine monitor";

/// The CMS image that `IPL CMS` loads: a static ELF file, made by the build script from `guests/cms`.
pub static CMS_IMAGE: &[u8] = &ALIGNED.0;

/// ELF headers are read where they stand, so the file must be aligned as they are.
#[repr(align(16))]
struct Aligned<T: ?Sized>(T);

static ALIGNED: &Aligned<[u8]> = &Aligned(*include_bytes!(concat!(env!("OUT_DIR"), "/cms.elf")));
