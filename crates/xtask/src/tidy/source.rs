//! What a source file must not hold.

use super::Finding;
use super::lex::{self, Kind};

/// A file longer than this is thought about.
const LINES_TO_THINK: usize = 400;
/// A file longer than this is split.
const LINES_AT_MOST: usize = 700;

/// How the statements begin that only crates/store may write.
const SQL: &[(&str, &str)] = &[
    ("SELECT ", " FROM "),
    ("INSERT INTO ", ""),
    ("UPDATE ", " SET "),
    ("DELETE FROM ", ""),
    ("CREATE TABLE ", ""),
    ("ALTER TABLE ", ""),
    ("DROP TABLE ", ""),
    ("PRAGMA ", ""),
];

/// What is a note to oneself and not for a commit, in Rust.
const LEFT_BEHIND: &[&str] = &["todo!", "unimplemented!", "dbg!", "#[ignore"];

/// Tests that do not run, or that keep the others from running, in TypeScript.
const SKIPPED: &[&str] = &[
    ".skip(",
    ".only(",
    ".todo(",
    ".skipIf(",
    ".runIf(",
    "xit(",
    "xdescribe(",
    "@ts-ignore",
    "@ts-nocheck",
];

/// Checks one file of ours.
pub fn check(path: &str, text: &str) -> Vec<Finding> {
    let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
    let mut findings = match extension {
        "rs" => rust(path, text),
        "ts" | "svelte" | "js" | "mjs" => script(path, text),
        "toml" => manifest(path, text),
        _ => Vec::new(),
    };
    if matches!(extension, "rs" | "ts" | "svelte") && !is_test(path) && !path.contains(".gen.") {
        findings.extend(length(path, text));
    }
    findings
}

fn is_test(path: &str) -> bool {
    path.contains("/tests/")
        || path.contains("/test/")
        || path.contains(".test.")
        || path.starts_with("e2e/")
}

fn length(path: &str, text: &str) -> Option<Finding> {
    match text.lines().count() {
        lines if lines > LINES_AT_MOST => Some(Finding::error(
            path,
            0,
            format!("has {lines} lines; {LINES_AT_MOST} are the most"),
        )),
        lines if lines > LINES_TO_THINK => {
            Some(Finding::warning(path, 0, format!("has {lines} lines; is it one thing?")))
        }
        _ => None,
    }
}

fn rust(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    // The testkit sets a whole PostgreSQL up for the store's tests.
    let may_hold_sql = ["crates/store/", "crates/xtask/", "crates/testkit/src/postgres.rs"]
        .iter()
        .any(|place| path.starts_with(place));
    for piece in lex::split(text) {
        let line_of = |at: usize| piece.line + piece.text[..at].matches('\n').count();
        match piece.kind {
            Kind::Code => {
                for word in LEFT_BEHIND {
                    for (at, _) in piece.text.match_indices(word) {
                        let before = piece.text[..at].chars().next_back();
                        if !before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
                            findings.push(Finding::error(
                                path,
                                line_of(at),
                                format!("{word} was left behind"),
                            ));
                        }
                    }
                }
            }
            Kind::Text if !may_hold_sql && is_sql(piece.text) => {
                findings.push(Finding::error(path, piece.line, "SQL stands only in crates/store"));
            }
            Kind::Text | Kind::Comment => {}
        }
    }
    let is_root = path.starts_with("crates/")
        && (path.ends_with("/src/lib.rs") || path.ends_with("/src/main.rs"));
    if is_root && !text.starts_with("//!") {
        findings.push(Finding::error(path, 1, "a crate opens with what it is (`//!`)"));
    }
    findings
}

fn is_sql(text: &str) -> bool {
    let text = text.trim_start();
    SQL.iter().any(|(head, later)| {
        text.strip_prefix(head).is_some_and(|rest| {
            later.is_empty()
                || format!(" {} ", rest.split_whitespace().collect::<Vec<_>>().join(" "))
                    .contains(later)
        })
    })
}

fn script(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    if path == "eslint.config.js" {
        return findings;
    }
    for (at, line) in text.lines().enumerate() {
        for word in SKIPPED.iter().filter(|word| line.contains(**word)) {
            // `exit(` is not `xit(`.
            let boundary = line
                .find(*word)
                .and_then(|at| line[..at].chars().next_back())
                .is_none_or(|before| !before.is_alphanumeric() || word.starts_with('.'));
            if boundary {
                findings.push(Finding::error(
                    path,
                    at + 1,
                    format!("{word}: every test runs and every line is checked"),
                ));
            }
        }
    }
    findings
}

/// Every crate of the workspace takes the workspace's lints.
fn manifest(path: &str, text: &str) -> Vec<Finding> {
    let is_crate = path.starts_with("crates/") && path.ends_with("/Cargo.toml");
    if is_crate && !text.contains("[lints]\nworkspace = true") {
        return vec![Finding::error(path, 0, "lacks `[lints] workspace = true`")];
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(path: &str, text: &str) -> Vec<(usize, String)> {
        check(path, text).into_iter().map(|finding| (finding.line, finding.what)).collect()
    }

    #[test]
    fn notes_to_oneself_are_found_in_code_and_only_there() {
        let text = "fn a() {\n    todo!()\n}\n// todo! in a comment\nlet b = \"dbg!\"; my_todo!();";
        assert_eq!(said("crates/room/src/a.rs", text), [(2, "todo! was left behind".to_owned())]);
        assert_eq!(said("crates/room/src/a.rs", "\n#[ignore = \"slow\"]\nfn a() {}").len(), 1);
    }

    #[test]
    fn sql_stands_only_in_the_store() {
        let select = "let q = \"SELECT id\n  FROM room WHERE id = ?\";";
        assert_eq!(
            said("crates/server/src/a.rs", select),
            [(1, "SQL stands only in crates/store".to_owned())]
        );
        assert_eq!(said("crates/store/src/a.rs", select), []);
        assert_eq!(said("crates/server/src/a.rs", "x(\"UPDATE room SET fence = 1\")").len(), 1);
    }

    #[test]
    fn a_sentence_is_not_sql() {
        assert_eq!(said("crates/server/src/a.rs", "x(\"SELECT a film\", \"UPDATE_PLAYBACK\")"), []);
        assert_eq!(
            said("crates/server/src/a.rs", "// SELECT id FROM room\nx(\"UPDATE the room\")"),
            []
        );
    }

    #[test]
    fn a_long_file_is_thought_about_and_then_refused() {
        let lines = |count: usize| "fn a() {}\n".repeat(count);
        assert_eq!(check("crates/room/src/a.rs", &lines(400)), []);
        assert_eq!(
            check("crates/room/src/a.rs", &lines(401))[0].level,
            super::super::Level::Warning
        );
        assert_eq!(
            check("packages/web/src/a.svelte", &lines(701))[0].level,
            super::super::Level::Error
        );
        assert_eq!(check("packages/sdk/src/schema.gen.ts", &lines(701)), []);
        assert_eq!(check("crates/room/tests/a.rs", &lines(701)), []);
    }

    #[test]
    fn tests_that_do_not_run_are_refused() {
        assert_eq!(said("e2e/a.spec.ts", "it.skip('x', f)").len(), 1);
        assert_eq!(said("e2e/a.spec.ts", "describe.only('x', f)\nprocess.exit(1)").len(), 1);
        assert_eq!(said("packages/sdk/src/a.ts", "// @ts-ignore").len(), 1);
    }

    #[test]
    fn a_crate_says_what_it_is_and_takes_the_lints() {
        assert_eq!(said("crates/room/src/lib.rs", "pub mod a;").len(), 1);
        assert_eq!(said("crates/room/src/lib.rs", "//! The room.\npub mod a;"), []);
        assert_eq!(said("crates/room/Cargo.toml", "[package]\n").len(), 1);
        assert_eq!(said("crates/room/Cargo.toml", "[lints]\nworkspace = true\n"), []);
    }
}
