//! Looks through JSON without keeping any of it.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Says whether a JSON text nests deeper than `most` arrays and objects. Whether it is JSON at all is
/// for the parser to say.
pub fn is_deeper_than(json: &str, most: usize) -> bool {
    let (mut depth, mut in_text, mut is_escaped) = (0_usize, false, false);
    for byte in json.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_text => is_escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => {
                depth += 1;
                if depth > most {
                    return true;
                }
            }
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// The attachments that the placeholders of a JSON text stand for, in the order they are found.
pub struct Placeholders(pub Vec<u64>);

/// Placeholders looked at in one packet at most.
const PLACEHOLDERS: usize = 256;

impl<'de> Deserialize<'de> for Placeholders {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut found = Vec::new();
        deserializer.deserialize_any(Walk(&mut found))?;
        Ok(Self(found))
    }
}

/// Collects numbers of attachments from whatever value comes.
struct Walk<'a>(&'a mut Vec<u64>);

/// What a member of an object means here.
enum Member {
    /// `"_placeholder"`.
    Mark,
    /// `"num"`.
    Number,
    Other,
}

impl<'de> Deserialize<'de> for Member {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;
        impl Visitor<'_> for Name {
            type Value = Member;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }
            fn visit_str<E>(self, name: &str) -> Result<Member, E> {
                Ok(match name {
                    "_placeholder" => Member::Mark,
                    "num" => Member::Number,
                    _ => Member::Other,
                })
            }
        }
        deserializer.deserialize_identifier(Name)
    }
}

/// A value of which only these are told apart.
enum Plain {
    True,
    Number(u64),
    Other,
}

impl<'de> serde::de::DeserializeSeed<'de> for Walk<'_> {
    type Value = Plain;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Plain, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = Plain;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Plain, E> {
        Ok(if value { Plain::True } else { Plain::Other })
    }

    fn visit_u64<E>(self, value: u64) -> Result<Plain, E> {
        Ok(Plain::Number(value))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Plain, E> {
        Ok(Plain::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Plain, E> {
        Ok(Plain::Other)
    }

    fn visit_str<E>(self, _: &str) -> Result<Plain, E> {
        Ok(Plain::Other)
    }

    fn visit_unit<E>(self) -> Result<Plain, E> {
        Ok(Plain::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Plain, A::Error> {
        while seq.next_element_seed(Walk(self.0))?.is_some() {}
        Ok(Plain::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Plain, A::Error> {
        let (mut is_placeholder, mut number) = (false, None);
        while let Some(member) = map.next_key::<Member>()? {
            let value = map.next_value_seed(Walk(self.0))?;
            match (member, value) {
                (Member::Mark, Plain::True) => is_placeholder = true,
                (Member::Number, Plain::Number(value)) => number = Some(value),
                (Member::Mark | Member::Number | Member::Other, _) => {}
            }
        }
        if is_placeholder {
            if self.0.len() == PLACEHOLDERS {
                return Err(serde::de::Error::custom("too many placeholders"));
            }
            self.0.push(number.unwrap_or(u64::MAX));
        }
        Ok(Plain::Other)
    }
}

/// Says whether a text is JSON.
pub fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_counts_arrays_and_objects_outside_of_texts() {
        assert!(!is_deeper_than(r#"[{"a":"[[[[\"[["}]"#, 2));
        assert!(is_deeper_than("[[[", 2));
        assert!(!is_deeper_than("[[][][[]]]", 3));
        assert!(!is_deeper_than("]]]][", 1));
    }

    #[test]
    fn placeholders_are_found_wherever_they_stand() {
        let found = |json: &str| serde_json::from_str::<Placeholders>(json).map(|it| it.0).ok();
        let json =
            r#"[{"_placeholder":true,"num":1},{"a":[{"num":0,"_placeholder":true}]},3.5,-1,null]"#;
        assert_eq!(found(json), Some(vec![1, 0]));
        assert_eq!(found(r#"{"_placeholder":false,"num":1}"#), Some(vec![]));
        assert_eq!(found(r#"{"_placeholder":true,"num":"1"}"#), Some(vec![u64::MAX]));
        assert_eq!(found("[1"), None);
    }
}
