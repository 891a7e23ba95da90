//! Builds the CMS image from `guests/cms` and lists the help files, so that the program carries both inside.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("cargo names the package's folder"));
    let out = PathBuf::from(env::var("OUT_DIR").expect("cargo names a folder for build output"));
    let root = here.parent().expect("the package is inside the workspace");
    build_cms(root, &out);
    for family in ["cp", "cms"] {
        list_help(&root.join("docs/help").join(family), &out.join(format!("help_{family}.rs")));
    }
}

/// Builds the image with the same cargo, for the host's target, in a target folder of its own (a nested cargo must not wait for this one's lock),
/// which all builds beside each other share: the image is the same for lints, tests and releases.
fn build_cms(root: &Path, out: &Path) {
    for watched in [
        "guests/cms/src",
        "guests/cms/Cargo.toml",
        "guests/cms/Cargo.lock",
        "guests/cms/build.rs",
        "guests/cms/cms.ld",
        "guests/abi/src",
        "guests/abi/Cargo.toml",
        "shell/src",
        "shell/Cargo.toml",
        "minidisk/src",
        "minidisk/Cargo.toml",
    ] {
        println!("cargo::rerun-if-changed={}", root.join(watched).display());
    }
    // OUT_DIR is target/PROFILE/build/PACKAGE/out.
    let target = out.ancestors().nth(4).expect("cargo's folder for build output is four deep").join("cms-image");
    let mut cargo = Command::new(env::var("CARGO").expect("cargo names itself"));
    cargo.current_dir(root.join("guests/cms")).args(["build", "--release", "--target-dir"]).arg(&target);
    // What wraps or flags the outer build (clippy, coverage, sanitizers) is not for the image.
    for inherited in [
        "RUSTFLAGS",
        "CARGO_ENCODED_RUSTFLAGS",
        "RUSTC_WRAPPER",
        "RUSTC_WORKSPACE_WRAPPER",
        "CARGO_BUILD_TARGET",
        "CARGO_TARGET_DIR",
        "CARGO_BUILD_TARGET_DIR",
    ] {
        cargo.env_remove(inherited);
    }
    let status = cargo.status().expect("cargo can be run");
    assert!(status.success(), "The CMS image in guests/cms does not build: {status}");
    let image = target.join("release/cms");
    fs::copy(&image, out.join("cms.elf")).expect("the image can be copied");
}

/// Writes a slice of (name, text) of every `NAME.md` in a folder.
fn list_help(folder: &Path, into: &Path) {
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut files: Vec<PathBuf> = match fs::read_dir(folder) {
        Ok(entries) => entries
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter(|path| path.extension().is_some_and(|ext| ext == "md"))
            .collect(),
        Err(_) => Vec::new(),
    };
    files.sort();
    let entries: String = files
        .iter()
        .map(|file| {
            println!("cargo::rerun-if-changed={}", file.display());
            let name = file.file_stem().and_then(|stem| stem.to_str()).expect("help files have plain names");
            format!("({name:?}, include_str!({:?})),\n", file.display().to_string())
        })
        .collect();
    fs::write(into, format!("&[\n{entries}]\n")).expect("the list can be written");
}
