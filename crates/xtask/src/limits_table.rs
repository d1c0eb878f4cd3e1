//! Makes the table of limits in the documents from the constants the server itself obeys.

/// Returns a Markdown page of every constant of `limits.rs`.
pub fn markdown(source: &str) -> String {
    let mut page = String::from(
        "# Limits\n\nMade by `make codegen` from `crates/protocol/src/limits.rs`, whose numbers the \
         server obeys. Texts are\ncounted in Unicode scalar values unless the name says bytes.\n\n\
         | limit | value | what it bounds |\n|---|---|---|\n",
    );
    let mut doc: Vec<&str> = Vec::new();
    for line in source.lines() {
        if let Some(text) = line.strip_prefix("///") {
            doc.push(text.trim());
        } else if let Some(rest) = line.strip_prefix("pub const ") {
            if let Some((name, value)) = constant(rest) {
                let what = doc.join(" ").replace('|', "\\|").replace("[`crate::limits::", "[`");
                page.push_str(&format!("| `{name}` | {value} | {what} |\n"));
            }
            doc.clear();
        } else if !line.starts_with("#[") {
            doc.clear();
        }
    }
    page
}

/// Splits `NAME: Type = value;` into its name and its value for people.
fn constant(rest: &str) -> Option<(&str, String)> {
    let (name, rest) = rest.split_once(':')?;
    let (_, value) = rest.split_once(" = ")?;
    Some((name.trim(), readable(value.trim_end_matches(';'))))
}

/// Says a constant's expression as a person would.
fn readable(expression: &str) -> String {
    let argument =
        |call: &str| expression.strip_prefix(call).and_then(|rest| rest.strip_suffix(')'));
    if let Some(seconds) = argument("Duration::from_secs(") {
        return format!("{} s", number(seconds));
    }
    if let Some(millis) = argument("Duration::from_millis(") {
        return format!("{} ms", number(millis));
    }
    if let Some((from, to)) = expression.split_once("..=") {
        return format!("{} to {}", number(from), number(to));
    }
    number(expression)
}

/// Works out a product of whole numbers; anything else stays as it is written.
fn number(expression: &str) -> String {
    let factors: Option<Vec<u64>> = expression
        .split('*')
        .map(|factor| factor.trim().replace('_', "").parse::<u64>().ok())
        .collect();
    let Some(factors) = factors else { return expression.to_owned() };
    let digits = factors.iter().product::<u64>().to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) && digits.len() > 4 {
            grouped.push(' ');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(source: &str) -> Vec<String> {
        markdown(source).lines().filter(|line| line.starts_with("| `")).map(str::to_owned).collect()
    }

    #[test]
    fn a_constant_becomes_a_row_with_its_own_words() {
        let source = "//! Limits.\n\n/// Largest message,\n/// in bytes.\npub const FRAME_BYTES: usize = 64 * 1024;\n";
        assert_eq!(rows(source), ["| `FRAME_BYTES` | 65 536 | Largest message, in bytes. |"]);
    }

    #[test]
    fn durations_and_ranges_are_said_as_people_say_them() {
        let source = "/// A.\npub const A: Duration = Duration::from_millis(500);\n\
            /// B.\npub const B: std::ops::RangeInclusive<f64> = 0.25..=4.0;\n\
            /// C.\npub const C: Duration = Duration::from_secs(8);\n";
        assert_eq!(
            rows(source),
            ["| `A` | 500 ms | A. |", "| `B` | 0.25 to 4.0 | B. |", "| `C` | 8 s | C. |"]
        );
    }

    #[test]
    fn every_public_limit_of_the_protocol_is_in_the_table() {
        let path = crate::workspace::root().join("crates/protocol/src/limits.rs");
        let source = std::fs::read_to_string(path).unwrap();
        assert_eq!(rows(&source).len(), source.matches("\npub const ").count());
    }
}
