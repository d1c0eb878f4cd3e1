//! Makes the table of roles, for people and for TypeScript, from the one the room core obeys.

use anyhow::Context;
use serde::Deserialize;

/// Roles, least first.
const ROLES: [&str; 5] = ["guest", "member", "moderator", "host", "owner"];
/// Settings of the remote, in the order of each row.
const CONTROLS: [&str; 3] = ["everyone", "moderators", "host-only"];

/// Something that is done in a room, and the least role under each setting of the remote.
#[derive(Deserialize)]
pub struct Row {
    act: String,
    least: [String; 3],
}

/// Reads what `parlor roles` writes.
///
/// # Errors
/// If that is not of this form.
pub fn read(json: &str) -> anyhow::Result<Vec<Row>> {
    serde_json::from_str(json).context("what `parlor roles` writes")
}

/// Returns a Markdown page of the table.
pub fn markdown(rows: &[Row]) -> String {
    let mut page = String::from(
        "# Roles\n\nMade by `make codegen` from `crates/room/src/roles.rs`, the table the room core \
         obeys: the least role that may do\nit. `play` and `queue` follow the room's setting \
         `control`. Roles, least first: guest, member, moderator, host, owner.\n\n\
         | act | `everyone` | `moderators` | `host-only` |\n|---|---|---|---|\n",
    );
    for Row { act, least: [everyone, moderators, host_only] } in rows {
        page.push_str(&format!("| `{act}` | {everyone} | {moderators} | {host_only} |\n"));
    }
    page
}

/// Returns the table as a TypeScript module.
pub fn typescript(rows: &[Row]) -> String {
    let quoted = ROLES.map(|role| format!("'{role}'")).join(", ");
    let mut module = format!(
        "// Made by `make codegen` from `crates/room/src/roles.rs`.\n\n\
         /** Roles, least first. */\nexport const ROLES = [{quoted}] as const;\n\n\
         /** Of what is done in a room, the least role that may, under each setting of the remote. */\n\
         export const ACTS = {{\n"
    );
    for Row { act, least } in rows {
        let least = std::iter::zip(CONTROLS, least).map(|(control, role)| {
            let key =
                if control.contains('-') { format!("'{control}'") } else { control.to_owned() };
            format!("{key}: '{role}'")
        });
        let least: Vec<String> = least.collect();
        module.push_str(&format!("  {act}: {{ {} }},\n", least.join(", ")));
    }
    module.push_str("} as const;\n");
    module
}
