//! The example files, and the configuration as it is: all three from the one table.

use std::fmt::Write as _;

use super::settings::{Form, SETTINGS, Setting};
use super::sources::Values;

/// Writes `.env.example`.
pub fn env() -> String {
    let mut text = String::from(
        "# Parlor reads this as .env from the folder it is started in. Everything is optional.\n\
         # A flag wins over the environment, the environment over .env, .env over parlor.toml.\n",
    );
    for setting in SETTINGS {
        comment(&mut text, setting);
        let _ = writeln!(text, "#{}={}", setting.env(), setting.default);
        if setting.form == Form::Secret {
            let _ = writeln!(text, "#{}_FILE=", setting.env());
        }
    }
    text
}

/// Writes `parlor.example.toml`.
pub fn toml() -> String {
    let mut text = String::from(
        "# Parlor reads this as parlor.toml from the folder it is started in, or from the file\n\
         # that --config names. Everything is optional; an unknown key is an error.\n",
    );
    for setting in SETTINGS {
        comment(&mut text, setting);
        let _ = writeln!(text, "#{} = {}", setting.key, literal(setting, setting.default));
    }
    text
}

/// Writes the values in force as TOML, each with who set it; `redacted` leaves secrets out.
pub fn in_force(values: &Values, redacted: bool) -> String {
    let mut text = String::new();
    for setting in SETTINGS {
        let Some(found) = values.get(setting.key) else { continue };
        let hide = redacted && setting.form == Form::Secret && !found.text.is_empty();
        let value = if hide { "…" } else { &found.text };
        let _ = writeln!(text, "# {}", found.origin);
        let _ = writeln!(text, "{} = {}", setting.key, literal(setting, value));
    }
    text
}

fn comment(text: &mut String, setting: &Setting) {
    text.push('\n');
    for line in setting.doc {
        let _ = writeln!(text, "#{line}");
    }
}

fn literal(setting: &Setting, value: &str) -> String {
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    match setting.form {
        Form::Text | Form::Secret => quoted(value),
        Form::Number | Form::Switch => value.to_owned(),
        Form::List => {
            let entries: Vec<_> = super::entries(value).map(quoted).collect();
            format!("[{}]", entries.join(", "))
        }
    }
}
