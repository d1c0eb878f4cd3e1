//! Writes what is made from the server's own types and settings, or compares it with what stands
//! in the repository. The server is asked, so what is written is what it does.

use std::fs;

use anyhow::Context;

use crate::limits_table;
use crate::roles_table;
use crate::settings_table;
use crate::workspace;

/// Whether files are written or only compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Writes those that differ.
    Write,
    /// Names those that differ.
    Check,
}

/// A file that is made, and what makes it.
struct Made {
    path: &'static str,
    content: String,
}

/// Where the OpenAPI document stands; the TypeScript types are made from it.
const OPENAPI: &str = "docs/api/openapi.json";

/// Makes every generated file; returns whether all of them were up to date or now are.
///
/// # Errors
/// When the server, npm's tools or the disk refuse.
pub fn run(mode: Mode) -> anyhow::Result<bool> {
    let root = workspace::root();
    let mut clean = true;
    for made in everything()? {
        let path = root.join(made.path);
        if fs::read_to_string(&path).is_ok_and(|there| there == made.content) {
            continue;
        }
        match mode {
            Mode::Check => {
                println!("error: {} is not what `make codegen` writes", made.path);
                clean = false;
            }
            Mode::Write => {
                let folder = path.parent().expect("every made file is in a folder");
                fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
                fs::write(&path, made.content).with_context(|| made.path)?;
                println!("wrote {}", made.path);
            }
        }
    }
    if clean {
        println!("codegen: up to date");
    }
    Ok(clean)
}

fn everything() -> anyhow::Result<Vec<Made>> {
    let openapi = parlor(&["openapi"])?;
    let schema = typescript(&openapi)?;
    let env = parlor(&["config", "example", "env"])?;
    let roles = roles_table::read(&parlor(&["roles"])?)?;
    let limits = fs::read_to_string(workspace::root().join("crates/protocol/src/limits.rs"))?;
    Ok(vec![
        Made { path: OPENAPI, content: openapi },
        Made { path: "docs/api/asyncapi.json", content: parlor(&["asyncapi"])? },
        Made { path: "packages/sdk/src/schema.gen.ts", content: schema },
        Made { path: "docs/settings.md", content: settings_table::markdown(&env) },
        Made { path: ".env.example", content: env },
        Made { path: "parlor.example.toml", content: parlor(&["config", "example", "toml"])? },
        Made { path: "docs/api/roles.md", content: roles_table::markdown(&roles) },
        Made { path: "packages/sdk/src/roles.gen.ts", content: roles_table::typescript(&roles) },
        Made { path: "docs/api/limits.md", content: limits_table::markdown(&limits) },
    ])
}

/// Asks the server of this checkout; `PARLOR_BIN` names one that was just built.
fn parlor(arguments: &[&str]) -> anyhow::Result<String> {
    let text = if let Ok(built) = std::env::var("PARLOR_BIN") {
        workspace::output(&built, arguments)?
    } else {
        let cargo = ["run", "--quiet", "--package", "parlor-server", "--bin", "parlor", "--"];
        workspace::output("cargo", &[&cargo[..], arguments].concat())?
    };
    Ok(format!("{}\n", text.trim_end()))
}

/// Makes TypeScript types of an OpenAPI document.
fn typescript(openapi: &str) -> anyhow::Result<String> {
    let folder = workspace::root().join("target/codegen");
    fs::create_dir_all(&folder)?;
    let input = folder.join("openapi.json");
    fs::write(&input, openapi)?;
    let output = folder.join("schema.gen.ts");
    let [input, output] = [&input, &output].map(|path| path.to_string_lossy().into_owned());
    workspace::output(
        "npm",
        &[
            "exec",
            "--no",
            "--workspace",
            "packages/sdk",
            "--",
            "openapi-typescript",
            &input,
            "--output",
            &output,
            "--root-types",
            "--root-types-no-schema-prefix",
            // A field with a default may be left out of a request.
            "--default-non-nullable",
            "false",
        ],
    )?;
    fs::read_to_string(output).context("what openapi-typescript wrote")
}
