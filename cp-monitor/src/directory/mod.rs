//! The user directory: who may log on, with what machine, disks and authority.
//!
//! The source is `user.direct`, text in z/VM syntax that people edit; [`compile`] checks all of it and makes a [`Directory`], and
//! [`store`] puts it on line, all or nothing (DIRECTXA). Pure but for `store`, which reads and writes the two files in the data directory.
//! CP and the host tools call in here; nothing in here calls out.

mod compile;
mod entry;
mod extents;
mod grammar;
mod operands;
mod scan;
mod verbs;

pub mod diagnostic;
pub mod edit;
pub mod geometry;
pub mod keys;
pub mod model;
pub mod names;
pub mod password;
pub mod store;
pub mod totp;

pub use compile::{Compiled, compile};
pub use diagnostic::{DirectoryError, Position, Problem, Remark, Warning};
pub use geometry::DeviceType;
pub use model::*;
pub use names::{DeviceNumber, LinkAccess, LinkMode, NameError, PrivilegeClasses, StorageSize, UserId, Volid};
pub use operands::percent;
pub use password::{Argon2id, LinkPassword, Password, SecretError, SecretHash, SecretHasher, verify, verify_link, verify_nobody};

/// The directory of a first start: `PROFILE CMSDFLT`, OPERATOR, MAINT with the system disks, and CMSUSER.
///
/// No password lies about: all three are `AUTOONLY`, which keeps its meaning of z/VM (no LOGON by password, XAUTOLOG only). That the owner of
/// the data directory may log on locally as any user is CP's rule about terminals, not the directory's.
pub fn default_source() -> &'static str {
    include_str!("default_source.direct")
}

#[cfg(test)]
mod tests;
