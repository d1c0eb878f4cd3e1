//! How values of the interface look in the database: texts, times and enums.

use std::borrow::Cow;
use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use parlor_protocol::access::Entry;
use parlor_protocol::room::{Control, Wait};

use crate::StoreError;

/// Returns the text as both databases can keep it: U+FFFD instead of U+0000, which PostgreSQL
/// refuses in texts.
pub(crate) fn storable(text: &str) -> String {
    storable_cow(text).into_owned()
}

/// Like [`storable`], for a text that need not be owned.
pub(crate) fn storable_cow(text: &str) -> Cow<'_, str> {
    if text.as_bytes().contains(&0) {
        Cow::Owned(text.replace('\0', "\u{FFFD}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// Returns what names are compared by when their case does not matter.
pub(crate) fn folded(text: &str) -> String {
    storable(text).to_lowercase()
}

/// Words that one person is found by, at most.
const SEARCH_WORDS: usize = 8;
/// Characters of such a word, at most: a display name has no more.
const SEARCH_WORD_CHARS: usize = 60;

/// Returns a text as people are searched by it: folded, with single spaces.
pub(crate) fn searched(text: &str) -> String {
    let folded = folded(text);
    folded
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .take(SEARCH_WORD_CHARS)
        .collect()
}

/// Returns the beginnings somebody is found by: the names, and each word of them.
pub(crate) fn search_words(username: Option<&str>, display_name: &str) -> BTreeSet<String> {
    let names: Vec<String> = username
        .into_iter()
        .chain([display_name])
        .map(searched)
        .filter(|it| !it.is_empty())
        .collect();
    let parts = names.iter().flat_map(|name| name.split([' ', '_', '.', '-']).skip(1));
    let parts: Vec<String> = parts.filter(|it| !it.is_empty()).map(str::to_owned).collect();
    let mut words = BTreeSet::new();
    for word in names.into_iter().chain(parts) {
        if words.len() < SEARCH_WORDS {
            words.insert(word);
        }
    }
    words
}

/// Returns a join code as it is kept: in capitals.
pub(crate) fn code(text: &str) -> String {
    storable(text).to_uppercase()
}

/// Converts milliseconds since the Unix epoch; a time outside the years ±262 000 becomes the
/// nearest that can be kept.
pub(crate) fn time(at_ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(at_ms).unwrap_or(if at_ms < 0 {
        DateTime::<Utc>::MIN_UTC
    } else {
        DateTime::<Utc>::MAX_UTC
    })
}

/// A closed set of values kept as a short text.
pub(crate) trait Word: Sized + Copy + 'static {
    /// Every value with its text.
    const WORDS: &'static [(Self, &'static str)];

    /// Returns the text of the value.
    fn word(self) -> &'static str;

    /// Reads the text of a value.
    fn from_word(word: &str) -> Result<Self, StoreError> {
        Self::WORDS.iter().find(|(_, text)| *text == word).map(|(value, _)| *value).ok_or_else(
            || {
                let kind = std::any::type_name::<Self>();
                StoreError::Corrupt(format!("`{word}` is no {kind}"))
            },
        )
    }
}

macro_rules! words {
    ($type:ty { $($variant:ident = $text:literal),* $(,)? }) => {
        impl $crate::value::Word for $type {
            const WORDS: &'static [(Self, &'static str)] = &[$((Self::$variant, $text)),*];

            fn word(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }
        }
    };
}
pub(crate) use words;

words!(Control { Everyone = "everyone", Moderators = "moderators", HostOnly = "host-only" });
words!(Entry {
    Open = "open",
    Accounts = "accounts",
    Invited = "invited",
    Knock = "knock",
});
words!(Wait { All = "all", Quorum = "quorum", HostOnly = "host-only", None = "none" });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nul_is_replaced_and_everything_else_kept() {
        assert_eq!(storable("a\0b 🎬"), "a\u{FFFD}b 🎬");
    }

    #[test]
    fn somebody_is_found_by_each_word_of_the_names() {
        let words = search_words(Some("Ada_L"), "  Ada  King Lovelace");
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        assert_eq!(words, ["ada king lovelace", "ada_l", "king", "l", "lovelace"]);
        assert!(search_words(None, &"x ".repeat(100)).len() <= SEARCH_WORDS);
    }

    #[test]
    fn a_time_survives_to_the_millisecond() {
        assert_eq!(time(1_700_000_000_123).timestamp_millis(), 1_700_000_000_123);
        assert_eq!(time(i64::MAX), DateTime::<Utc>::MAX_UTC);
    }

    #[test]
    fn every_word_reads_back() {
        for (value, word) in Control::WORDS {
            assert_eq!(value.word(), *word);
            assert_eq!(Control::from_word(word).unwrap(), *value);
        }
        assert!(Wait::from_word("sometimes").is_err());
    }
}
