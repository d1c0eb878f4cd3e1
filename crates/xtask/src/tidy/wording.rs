//! What no tracked file may say: where somebody's checkout lies, or where their packages come from.

use super::Finding;

/// Folders of a machine. A file that names one works on that machine alone.
const MACHINE_PATHS: &[&str] = &["/root/", "/work/", "/home/runner/", "/Users/"];

/// The only addresses a lock file may name: the public index, by its well-known name.
const CARGO_INDEX: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Checks one tracked file.
pub fn check(path: &str, text: &str) -> Vec<Finding> {
    // This file names what it looks for.
    if path == "crates/xtask/src/tidy/wording.rs" {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (at, line) in text.lines().enumerate() {
        if let Some(folder) = MACHINE_PATHS.iter().find(|folder| names_folder(line, folder)) {
            findings.push(Finding::error(
                path,
                at + 1,
                format!("names a folder of one machine: {folder}"),
            ));
        }
        let named = match path.rsplit('/').next() {
            Some("Cargo.lock") => line.starts_with("source = ") && !line.contains(CARGO_INDEX),
            Some("package-lock.json") => line.trim_start().starts_with("\"resolved\": \"http"),
            Some(".npmrc") => line.contains("registry="),
            _ => false,
        };
        if named {
            findings.push(Finding::error(
                path,
                at + 1,
                "names a registry's host; everybody has their own",
            ));
        }
    }
    findings
}

/// Whether the line has the folder as the start of a path, not in the middle of one.
fn names_folder(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        !line[..at]
            .chars()
            .next_back()
            .is_some_and(|c| c.is_alphanumeric() || "._-/~}*$".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_one_machine_is_found() {
        assert_eq!(check("a.md", "cd /work/main\n").len(), 1);
        assert_eq!(check("a.md", "see packages/network/work/main and $X/root/x\n"), []);
    }

    #[test]
    fn lock_files_name_no_host() {
        let cargo = "source = \"registry+https://github.com/rust-lang/crates.io-index\"\n";
        assert_eq!(check("Cargo.lock", cargo), []);
        assert_eq!(check("Cargo.lock", "source = \"sparse+https://mirror.example/\"\n").len(), 1);
        assert_eq!(
            check("package-lock.json", "  \"resolved\": \"https://mirror.example/a.tgz\",").len(),
            1
        );
        assert_eq!(check("package-lock.json", "  \"resolved\": \"packages/sdk\","), []);
    }
}
