//! Makes sure that the folder of the built UI is there, for it is embedded at compile time. In a
//! build without Node it stays empty, and the server says so on its front page.

use std::path::Path;

fn main() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packages/web/dist");
    if let Err(error) = std::fs::create_dir_all(&folder) {
        println!("cargo::error={} cannot be made: {error}", folder.display());
    }
    println!("cargo::rerun-if-changed={}", folder.display());
}
