//! Links examples as CMS wants its programs: position-independent, without libraries and start files.

fn main() {
    for argument in
        ["-nostartfiles", "-nostdlib", "-static-pie", "-Wl,-e,cms_start", "-Wl,--build-id=none", "-Wl,-z,norelro", "-Wl,--gc-sections"]
    {
        println!("cargo::rustc-link-arg-examples={argument}");
    }
}
