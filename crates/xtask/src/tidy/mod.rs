//! Checks what no other lint sees. Each check is a pure function from text to findings; this file
//! only reads the files and prints.

mod graph;
mod lex;
mod source;
mod wording;

use std::fs;

use crate::workspace;

/// One thing that is not as it should be.
#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    /// Whether it fails the run, or is only said.
    pub level: Level,
    /// The file it is in, relative to the root, or the name of a crate.
    pub place: String,
    /// The line, counted from 1; 0 when it is about the whole.
    pub line: usize,
    /// What is wrong, as a sentence.
    pub what: String,
}

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// It fails the run.
    Error,
    /// Something to think about.
    Warning,
}

impl Finding {
    fn error(place: &str, line: usize, what: impl Into<String>) -> Self {
        Self { level: Level::Error, place: place.to_owned(), line, what: what.into() }
    }

    fn warning(place: &str, line: usize, what: impl Into<String>) -> Self {
        Self { level: Level::Warning, place: place.to_owned(), line, what: what.into() }
    }
}

/// Runs every check and prints what they find; returns whether nothing failed.
///
/// # Errors
/// When git or cargo cannot be asked, or a file cannot be read.
pub fn run() -> anyhow::Result<bool> {
    let mut findings = Vec::new();
    let metadata = workspace::output("cargo", &["metadata", "--format-version=1", "--locked"])?;
    findings.extend(graph::check(&serde_json::from_str(&metadata)?));
    let root = workspace::root();
    for path in workspace::files()? {
        // Pictures, films and fonts have no text to check.
        let Ok(text) = String::from_utf8(fs::read(root.join(&path))?) else { continue };
        findings.extend(source::check(&path, &text));
        findings.extend(wording::check(&path, &text));
    }

    for finding in &findings {
        let level = match finding.level {
            Level::Error => "error",
            Level::Warning => "warning",
        };
        match finding.line {
            0 => println!("{level}: {}: {}", finding.place, finding.what),
            line => println!("{level}: {}:{line}: {}", finding.place, finding.what),
        }
    }
    let errors = findings.iter().filter(|finding| finding.level == Level::Error).count();
    println!("tidy: {errors} errors, {} warnings", findings.len() - errors);
    Ok(errors == 0)
}
