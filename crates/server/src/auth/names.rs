//! Names for guests who give none, and what a name may look like.

use parlor_protocol::limits;

/// Longest language tag in use (RFC 5646, section 4.4.1).
const LANGUAGE_CHARS: usize = 35;
/// What comes first.
const MOODS: [&str; 16] = [
    "Calm", "Bright", "Quiet", "Merry", "Gentle", "Swift", "Kind", "Bold", "Sunny", "Clever",
    "Cosy", "Brave", "Lucky", "Happy", "Wise", "Warm",
];
/// What comes second.
const ANIMALS: [&str; 16] = [
    "Otter", "Robin", "Fox", "Heron", "Hare", "Badger", "Finch", "Lynx", "Seal", "Wren", "Marten",
    "Owl", "Swan", "Beaver", "Falcon", "Moth",
];

/// Makes up a name to show.
pub fn made_up() -> String {
    let pick = |words: &[&'static str; 16]| words[rand::random_range(0..words.len())];
    format!("{} {}", pick(&MOODS), pick(&ANIMALS))
}

/// Takes a name to show as a person typed it; `None` if nothing is left of it or it is too long.
/// Characters that cannot be seen or turn the direction of writing are taken out: with them one
/// person's name could be made to look like another's.
pub fn shown(text: &str) -> Option<String> {
    let is_unseen = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
            || matches!(c, '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    let seen: String = text.chars().filter(|c| !is_unseen(*c)).collect();
    let name = seen.split_whitespace().collect::<Vec<_>>().join(" ");
    let length = name.chars().count();
    (1..=limits::DISPLAY_NAME_CHARS).contains(&length).then_some(name)
}

/// Says whether a text may be a user name: letters, digits, `_ . -`.
pub fn is_username(text: &str) -> bool {
    limits::USERNAME_CHARS.contains(&text.chars().count())
        && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-'))
}

/// Says whether a text looks like a language tag (BCP 47): subtags of up to 8 letters and digits, the
/// first of letters alone. An empty one is none, and may be too.
pub fn is_language(text: &str) -> bool {
    let is_subtag = |part: &str| {
        (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    let first = text.split('-').next().unwrap_or_default();
    let is_tag = first.len() >= 2
        && first.bytes().all(|byte| byte.is_ascii_alphabetic())
        && text.len() <= LANGUAGE_CHARS
        && text.split('-').all(is_subtag);
    text.is_empty() || is_tag
}

/// Says whether a text looks like an e-mail address. Whether it is one, only a mail can tell.
pub fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    text.len() <= limits::EMAIL_BYTES
        && !local.is_empty()
        && domain.split('.').all(|label| !label.is_empty())
        && domain.contains('.')
        && !text.chars().any(|c| c.is_whitespace() || c.is_control() || "<>,;()\"".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_tidied_but_not_changed() {
        assert_eq!(shown("  Ada \n Lovelace "), Some("Ada Lovelace".to_owned()));
        assert_eq!(shown("\u{202e}adA\u{200b}"), Some("adA".to_owned()));
        assert_eq!(shown("Жанна 👩‍🚀"), Some("Жанна 👩🚀".to_owned()));
        assert_eq!(shown(" \u{200b} "), None);
        assert_eq!(shown(&"x".repeat(61)), None);
    }

    #[test]
    fn user_names_languages_and_addresses_are_told_from_other_texts() {
        for name in ["ada_", "jörg.m-1", "1234"] {
            assert!(is_username(name), "{name}");
        }
        for name in ["ada", "a b c", "ada@home", &"x".repeat(41)] {
            assert!(!is_username(name), "{name}");
        }
        for tag in ["", "en", "pt-BR", "zh-Hant-TW", "de-CH-1996"] {
            assert!(is_language(tag), "{tag}");
        }
        for tag in ["e", "en-", "-en", "e1", "en_GB", "en-abcdefghi", "english languages"] {
            assert!(!is_language(tag), "{tag}");
        }
        for address in ["a@b.c", "first.last+tag@mail.example.org"] {
            assert!(is_email(address), "{address}");
        }
        for address in ["", "a", "@b.c", "a@b", "a@.c", "a b@c.d", "a@b.c\r\nBcc: x@y.z"] {
            assert!(!is_email(address), "{address}");
        }
    }
}
