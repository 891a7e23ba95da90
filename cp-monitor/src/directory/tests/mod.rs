//! The directory as its users meet it: sources in, users, messages and files out.

use super::edit::{NewMinidisk, NewUser};
use super::*;

mod changes;
mod messages;
mod random;
mod secrets;
mod sources;

/// argon2id as cheap as it gets: tests are about the directory, not about the hash.
fn light() -> Argon2id {
    Argon2id::with_costs(8, 1, 1).unwrap()
}

fn good(source: &str) -> Compiled {
    compile(source, &light()).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

/// The errors of a source, each as it is shown.
fn errors(source: &str) -> Vec<String> {
    let errors = compile(source, &light()).expect_err("the source has errors");
    errors.iter().map(ToString::to_string).collect()
}

fn warnings(source: &str) -> Vec<String> {
    good(source).warnings.iter().map(ToString::to_string).collect()
}

fn userid(name: &str) -> UserId {
    name.parse().unwrap()
}

fn entry(compiled: &Compiled, name: &str) -> UserEntry {
    compiled.directory.user(&userid(name)).unwrap_or_else(|| panic!("{name} is missing")).clone()
}

/// A user of class G with one minidisk, who includes CMSDFLT.
fn new_user(name: &str, cylinders: u32) -> NewUser {
    NewUser {
        userid: userid(name),
        password: Password::Hashed(light().hash("Geheim").unwrap()),
        storage: StorageSize::megabytes(32),
        max_storage: StorageSize::megabytes(64),
        classes: PrivilegeClasses::GENERAL,
        profile: Some(userid("CMSDFLT")),
        minidisks: vec![NewMinidisk { vdev: DeviceNumber(0x191), cylinders, mode: LinkMode::Mr }],
    }
}
