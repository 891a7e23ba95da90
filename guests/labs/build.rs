//! Links the kernels by their own script: static, freestanding, at the address where a loader puts them.

/// What `core` names because it could unwind; here nobody does.
const UNWINDING: &str = "-Wl,--defsym=rust_eh_personality=0";
/// Those for a PC machine.
const PC: [&str; 4] = ["hello", "timer", "user", "tasks"];

fn main() {
    let here = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    let script = format!("{here}/pc.ld");
    println!("cargo::rerun-if-changed={script}");
    println!("cargo::rerun-if-changed=build.rs");
    for argument in
        ["-nostartfiles", "-nostdlib", "-static", "-no-pie", "-Wl,--build-id=none", "-Wl,--gc-sections", "-Wl,-z,norelro", UNWINDING]
    {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
    for kernel in PC {
        println!("cargo::rustc-link-arg-bin={kernel}=-Wl,-T,{script}");
    }
    // A CMS machine has no loader's rules but one: inside its storage, and not over the first page.
    for argument in ["-Wl,-e,kernel", "-Wl,--image-base=0x10000", "-Wl,-z,max-page-size=4096"] {
        println!("cargo::rustc-link-arg-bin=diagnose={argument}");
    }
}
