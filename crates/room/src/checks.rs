//! What a text or a number from a client must be, so that nothing behind this line has to ask.

use std::ops::RangeInclusive;

use parlor_protocol::{Code, limits};

use crate::io::Refusal;

/// Longest id of a person who need not be there.
pub(crate) const USER_ID_CHARS: usize = 200;

/// Takes a text of one line.
pub(crate) fn line(
    field: &str,
    text: String,
    chars: RangeInclusive<usize>,
) -> Result<String, Refusal> {
    if text.chars().any(char::is_control) {
        return Err(invalid(format!("{field} must be a single line of text")));
    }
    block(field, text, chars)
}

/// Takes a text of any number of lines.
pub(crate) fn block(
    field: &str,
    text: String,
    chars: RangeInclusive<usize>,
) -> Result<String, Refusal> {
    // PostgreSQL cannot keep a NUL in a text.
    if text.contains('\0') {
        return Err(invalid(format!("{field} must be text")));
    }
    let blank = *chars.start() > 0 && text.trim().is_empty();
    if blank || !chars.contains(&text.chars().count()) {
        let (least, most) = (chars.start(), chars.end());
        return Err(invalid(format!("{field} must have {least} to {most} characters")));
    }
    Ok(text)
}

/// Takes a number within a range, ends included; what is not a number is in none.
pub(crate) fn number(
    field: &str,
    number: f64,
    range: &RangeInclusive<f64>,
) -> Result<f64, Refusal> {
    if range.contains(&number) {
        return Ok(number);
    }
    Err(invalid(format!("{field} must be from {} to {}", range.start(), range.end())))
}

/// Takes the address of a medium: http or https with a host, or a path on this server. Everything
/// else could make members' browsers run or open what the sender likes (`javascript:`, `data:`,
/// `file:`), or is another host in disguise (`//host`, `/\host`).
pub(crate) fn media_url(text: String) -> Result<String, Refusal> {
    let refused = || invalid("mediaUrl must be an http or https address, or a path on this server");
    let clean = !text.chars().any(|c| c.is_whitespace() || c.is_control() || c == '\\');
    if !clean || text.chars().count() > limits::MEDIA_URL_CHARS {
        return Err(refused());
    }
    if let Some(path) = text.strip_prefix('/') {
        return if path.starts_with('/') { Err(refused()) } else { Ok(text) };
    }
    let Some((scheme, rest)) = text.split_once("://") else { return Err(refused()) };
    let web = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if !web || host.is_empty() || host.starts_with(':') {
        return Err(refused());
    }
    Ok(text)
}

/// Refuses a value with a sentence.
pub(crate) fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::because(Code::Invalid, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_the_web_and_of_this_server_are_media() {
        for url in [
            "http://films.example/a.mp4",
            "https://films.example",
            "HTTPS://films.example:8443/a b".trim_end_matches(" b"),
            "https://user@films.example/a?x=1#t=2",
            "https://[2001:db8::1]/a.mp4",
            "https://例え.example/映画.mp4",
            "/sample/parlor-sample.mp4",
            "/",
        ] {
            assert_eq!(media_url(url.to_owned()), Ok(url.to_owned()));
        }
    }

    #[test]
    fn nothing_else_is_a_medium() {
        let long = format!("https://films.example/{}", "a".repeat(limits::MEDIA_URL_CHARS));
        for url in [
            "",
            "films.example/a.mp4",
            "javascript:alert(1)",
            "JavaScript://films.example/%0aalert(1)",
            "data:text/html,hello",
            "file:///etc/passwd",
            "ftp://films.example/a.mp4",
            "blob:https://films.example/1",
            "//films.example/a.mp4",
            "/\\films.example/a.mp4",
            "https:\\\\films.example",
            "https://",
            "https:///a.mp4",
            "https://user@/a.mp4",
            "https://:80/a.mp4",
            "https://?a",
            " https://films.example/a.mp4",
            "https://films.example/a\n.mp4",
            "https://films.example/a b.mp4",
            "https://films.example/\u{0}",
            "https://films.example/\u{2028}",
            &long,
        ] {
            let code = media_url(url.to_owned()).map_err(|refusal| refusal.code);
            assert_eq!(code, Err(Code::Invalid), "{url:?}");
        }
    }

    #[test]
    fn texts_have_a_length_and_no_nul() {
        let codes = |text: &str| block("text", text.to_owned(), 1..=3).map_err(|it| it.code);
        assert_eq!(codes("añ😀"), Ok("añ😀".to_owned()));
        assert_eq!(codes("a\nb"), Ok("a\nb".to_owned()));
        for text in ["", "  ", "abcd", "a\0"] {
            assert_eq!(codes(text), Err(Code::Invalid), "{text:?}");
        }
        assert!(line("name", "a\nb".to_owned(), 1..=3).is_err());
    }

    #[test]
    fn what_is_not_a_number_is_in_no_range() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.1, 1.1] {
            assert!(number("x", value, &(0.0..=1.0)).is_err(), "{value}");
        }
        assert_eq!(number("x", 1.0, &(0.0..=1.0)), Ok(1.0));
    }
}
