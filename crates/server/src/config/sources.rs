//! Where a setting's value comes from: flag, environment, `.env`, file, default, in this order.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::settings::{Form, SETTINGS, Setting};

/// A value as text, and who set it, in words for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The value; a list with commas between its entries.
    pub text: String,
    /// Who set it: `--listen`, `PARLOR_LISTEN`, `parlor.toml` or `the default`.
    pub origin: String,
}

/// What the command line said.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// Values by key; a repeated flag is joined with commas.
    pub values: BTreeMap<&'static str, String>,
    /// `--config`: the file to read. It must exist; without the flag `parlor.toml` in the
    /// current folder is read if it is there.
    pub file: Option<PathBuf>,
}

/// The value of every setting by its key.
pub type Values = BTreeMap<&'static str, Found>;

/// Finds the value of every setting.
///
/// `env` looks a name up in the environment; `folder` is where `.env` and `parlor.toml` are.
///
/// # Errors
/// Every problem there is, each a sentence that names its source.
pub fn gather(
    flags: &Flags,
    env: &dyn Fn(&str) -> Option<String>,
    folder: &Path,
) -> Result<Values, Vec<String>> {
    let mut problems = Vec::new();
    let dotenv = keep(read_dotenv(&folder.join(".env")), &mut problems);
    let lookup = |name: &str| {
        let found = |text| Found { text, origin: name.to_owned() };
        let in_file = || dotenv.get(name).cloned();
        env(name)
            .map(found)
            .or_else(|| in_file().map(|text| Found { text, origin: format!("{name} in .env") }))
    };
    let named = flags.file.clone().or_else(|| lookup("PARLOR_CONFIG").map(|f| f.text.into()));
    let file = named.clone().unwrap_or_else(|| folder.join("parlor.toml"));
    let in_file = keep(read_file(&file, named.is_some()), &mut problems);

    let mut values = Values::new();
    for setting in SETTINGS {
        let flag = flags
            .values
            .get(setting.key)
            .map(|text| Found { text: text.clone(), origin: format!("--{}", setting.flag()) });
        let found = flag
            .or_else(|| lookup(&setting.env()))
            .or_else(|| keep(from_secret_file(setting, &lookup), &mut problems))
            .or_else(|| in_file.get(setting.key).cloned())
            .unwrap_or_else(|| Found {
                text: setting.default.to_owned(),
                origin: "the default".to_owned(),
            });
        values.insert(setting.key, found);
    }
    if problems.is_empty() { Ok(values) } else { Err(problems) }
}

/// Returns the names in the environment that look like settings and are none: most likely
/// mistyped.
pub fn unknown_names(names: impl Iterator<Item = String>) -> Vec<String> {
    let known = |name: &str| {
        name == "PARLOR_CONFIG"
            || SETTINGS.iter().any(|s| {
                let env = s.env();
                name == env || (s.form == Form::Secret && name == format!("{env}_FILE"))
            })
    };
    names.filter(|name| name.starts_with("PARLOR_") && !known(name)).collect()
}

fn keep<T: Default>(result: Result<T, Vec<String>>, problems: &mut Vec<String>) -> T {
    result.unwrap_or_else(|more| {
        problems.extend(more);
        T::default()
    })
}

fn from_secret_file(
    setting: &Setting,
    lookup: &dyn Fn(&str) -> Option<Found>,
) -> Result<Option<Found>, Vec<String>> {
    if setting.form != Form::Secret {
        return Ok(None);
    }
    let name = format!("{}_FILE", setting.env());
    let Some(path) = lookup(&name) else { return Ok(None) };
    match std::fs::read_to_string(&path.text) {
        Ok(text) => Ok(Some(Found { text: text.trim_end().to_owned(), origin: path.origin })),
        Err(error) => Err(vec![format!(
            "{} names the file {}, which cannot be read: {error}.",
            path.origin, path.text
        )]),
    }
}

/// Reads lines of `NAME=value`: blank lines and `#` comments are skipped, `export` and quotes
/// around the value are taken off.
fn read_dotenv(path: &Path) -> Result<BTreeMap<String, String>, Vec<String>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(vec![format!("{} cannot be read: {error}.", path.display())]),
    };
    let mut found = BTreeMap::new();
    let mut problems = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = line.strip_prefix("export ").unwrap_or(line);
        match line.split_once('=') {
            Some((name, value)) => {
                found.insert(name.trim().to_owned(), unquoted(value.trim()).to_owned());
            }
            None => problems.push(format!(
                "Line {} of {} is not NAME=value.",
                index + 1,
                path.display()
            )),
        }
    }
    if problems.is_empty() { Ok(found) } else { Err(problems) }
}

fn unquoted(value: &str) -> &str {
    ['"', '\'']
        .into_iter()
        .find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote))
        .unwrap_or(value)
}

fn read_file(path: &Path, must_exist: bool) -> Result<Values, Vec<String>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !must_exist => {
            return Ok(Values::new());
        }
        Err(error) => {
            return Err(vec![format!(
                "The configuration file {} cannot be read: {error}.",
                path.display()
            )]);
        }
    };
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        vec![format!("{} is not valid TOML: {}.", path.display(), error.message())]
    })?;
    let mut values = Values::new();
    let mut problems = Vec::new();
    for (key, value) in &table {
        let Some(setting) = SETTINGS.iter().find(|setting| setting.key == key) else {
            problems.push(unknown_key(key, path));
            continue;
        };
        match as_text(value, setting.form) {
            Some(text) => {
                let origin = format!("{key} in {}", path.display());
                values.insert(setting.key, Found { text, origin });
            }
            None => problems.push(format!(
                "{key} in {} must be {}.",
                path.display(),
                match setting.form {
                    Form::Text | Form::Secret => "a text in quotes",
                    Form::Number => "a whole number",
                    Form::Switch => "true or false",
                    Form::List => "a list of texts",
                }
            )),
        }
    }
    if problems.is_empty() { Ok(values) } else { Err(problems) }
}

fn unknown_key(key: &str, path: &Path) -> String {
    let near = SETTINGS.iter().find(|setting| {
        let flat = |text: &str| text.replace(['_', '-'], "").to_ascii_lowercase();
        flat(setting.key) == flat(key)
    });
    let hint = match near {
        Some(setting) => format!(" (did you mean {}?)", setting.key),
        None => String::new(),
    };
    format!("{} has the unknown key {key}{hint}.", path.display())
}

fn as_text(value: &toml::Value, form: Form) -> Option<String> {
    match (form, value) {
        (Form::Text | Form::Secret | Form::List, toml::Value::String(text)) => Some(text.clone()),
        (Form::Number, toml::Value::Integer(number)) => Some(number.to_string()),
        (Form::Switch, toml::Value::Boolean(on)) => Some(on.to_string()),
        (Form::List, toml::Value::Array(entries)) => {
            let texts: Option<Vec<_>> = entries.iter().map(toml::Value::as_str).collect();
            Some(texts?.join(","))
        }
        _ => None,
    }
}
