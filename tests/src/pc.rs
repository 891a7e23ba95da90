//! What the tests of PC machines share: a system with a user who has one, and images to boot.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::System;

/// Code as a boot sector.
pub fn sector(code: &[u8]) -> Vec<u8> {
    let mut sector = code.to_vec();
    sector.resize(512, 0);
    sector[510..].copy_from_slice(&[0x55, 0xaa]);
    sector
}

/// A system with the user PCUSER, who has a PC machine with these further statements, and images in the folder `pc`.
pub fn system(statements: &str, images: &[(&str, &[u8])]) -> System {
    let system = System::start();
    prepare(&system, statements, images);
    system
}

/// Gives a system that user and those images.
///
/// # Panics
/// When the system does not take them.
pub fn prepare(system: &System, statements: &str, images: &[(&str, &[u8])]) {
    let source = system.directory().join("user.direct");
    let user = "USER PCUSER AUTOONLY 8M 8M G\n  MACHINE PC 1\n";
    let text = fs::read_to_string(&source).expect("a system has a directory") + user + statements;
    fs::write(source, text).expect("the directory can be written");
    system.cp("DIRECTXA").succeeded();
    let folder = system.directory().join("pc");
    fs::create_dir(&folder).expect("the folder is not there yet");
    images.iter().for_each(|(name, bytes)| fs::write(folder.join(name), bytes).expect("the folder can be written"));
}

/// A multiboot kernel from the C source of that name beside this file.
///
/// # Panics
/// When it cannot be built.
pub fn c_kernel(name: &str) -> Vec<u8> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(name);
    let place = tempfile::tempdir().expect("a temporary directory");
    let kernel = place.path().join("kernel");
    let mut gcc = Command::new("gcc");
    gcc.args(
        "-m32 -march=i686 -O1 -ffreestanding -fno-pic -fno-stack-protector -fno-asynchronous-unwind-tables -nostdlib -static".split(' '),
    );
    gcc.args(["-Wl,--build-id=none", "-Wl,-Ttext=0x100000", "-Wl,-z,noseparate-code", "-o"]).arg(&kernel).arg(source);
    let output = gcc.output().expect("gcc is needed: apt-get install -y gcc");
    assert!(output.status.success(), "{gcc:?}: {}", String::from_utf8_lossy(&output.stderr));
    fs::read(kernel).expect("gcc made it")
}
