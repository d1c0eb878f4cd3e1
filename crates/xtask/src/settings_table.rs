//! Makes the table of settings in the documents from `.env.example`, which the server writes.

/// Returns a Markdown page of every setting.
pub fn markdown(env_example: &str) -> String {
    let mut page = String::from(
        "# Settings\n\nMade by `make codegen` from the server's own table. Each setting is a flag of \
         `parlor serve`, a variable of the\nenvironment or of `.env`, and a key of `parlor.toml`; the \
         first of these that sets it wins. A secret may also be\nread from the file that `…_FILE` \
         names.\n\n| variable | flag | default | what it is for |\n|---|---|---|---|\n",
    );
    for block in env_example.split("\n\n") {
        let doc: Vec<&str> = block
            .lines()
            .filter_map(|line| line.strip_prefix("# "))
            .map(|line| line.trim())
            .collect();
        for (name, default) in block.lines().filter_map(variable) {
            let flag = name.trim_start_matches("PARLOR_").to_lowercase().replace('_', "-");
            let default =
                if default.is_empty() { "–".to_owned() } else { format!("`{default}`") };
            let doc = doc.join(" ").replace('|', "\\|");
            page.push_str(&format!("| `{name}` | `--{flag}` | {default} | {doc} |\n"));
        }
    }
    page
}

/// Splits `#PARLOR_NAME=default`; files of secrets are not settings of their own.
fn variable(line: &str) -> Option<(&str, &str)> {
    let (name, default) = line.strip_prefix('#')?.split_once('=')?;
    let is_setting = name.starts_with("PARLOR_") && !name.ends_with("_FILE");
    is_setting.then_some((name, default))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_becomes_a_row_and_its_secrets_file_does_not() {
        let example = "# Parlor reads this.\n\n# Where it | is:\n# there.\n#PARLOR_DATA_DIR=./data\n\n\
            # Hidden.\n#PARLOR_SECRET=\n#PARLOR_SECRET_FILE=\n";
        let page = markdown(example);
        let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
        assert_eq!(
            rows,
            [
                "| `PARLOR_DATA_DIR` | `--data-dir` | `./data` | Where it \\| is: there. |",
                "| `PARLOR_SECRET` | `--secret` | – | Hidden. |",
            ]
        );
    }
}
