//! How connections are called.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::cluster::{NODE_DIGITS, NodeId};

/// Names a connection: 128 random bits, which nobody else can guess.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Sid([u8; 16]);

impl Sid {
    /// Makes a new one.
    pub fn random() -> Self {
        Self(rand::random())
    }

    /// Returns the first half of the bits.
    pub fn half(self) -> u64 {
        u64::from_le_bytes(std::array::from_fn(|at| self.0[at]))
    }

    /// Reads one as it was told to the client.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bits = [0; 16];
        // A longer text is another name of nothing.
        match URL_SAFE_NO_PAD.decode_slice(text, &mut bits) {
            Ok(16) => Some(Self(bits)),
            Ok(_) | Err(_) => None,
        }
    }
}

impl fmt::Debug for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // It is a secret of its client.
        f.write_str("Sid(…)")
    }
}

impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

/// How a client calls its connection: by its id and, where there are several nodes, by the node it
/// lives on, behind a point.
#[derive(Clone, PartialEq, Eq)]
pub struct Name {
    /// The id.
    pub sid: Sid,
    /// The node; `None` where there is one only.
    pub home: Option<NodeId>,
}

impl Name {
    /// Reads one as it was told to the client.
    pub fn parse(text: &str) -> Option<Self> {
        let Some((sid, home)) = text.split_once('.') else {
            return Some(Self { sid: Sid::parse(text)?, home: None });
        };
        // A client may name any node: what follows is compared and looked up, never made.
        let is_name = home.len() == NODE_DIGITS && home.bytes().all(|it| it.is_ascii_hexdigit());
        Some(Self { sid: Sid::parse(sid)?, home: Some(is_name.then(|| home.into())?) })
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.home {
            Some(home) => write!(f, "{}.{home}", self.sid),
            None => self.sid.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_was_told_and_nothing_else_is() {
        let sid = Sid::random();
        assert!(Sid::parse(&sid.to_string()) == Some(sid));
        let node: NodeId = "0123456789abcdef".into();
        for home in [None, Some(node)] {
            let name = Name { sid, home };
            assert!(Name::parse(&name.to_string()) == Some(name));
        }
        for tail in [".", ".0123456789abcde", ".0123456789abcdef.", ".0123456789abcdeg"] {
            assert!(Name::parse(&format!("{sid}{tail}")).is_none(), "{tail}");
        }
        for text in [
            "",
            ".0123456789abcdef",
            "abc",
            "AAAAAAAAAAAAAAAAAAAAAA=",
            "AAAAAAAAAAAAAAAAAAAAA",
            "AAAAAAAAAAAAAAAAAAAAAAAA",
        ] {
            assert!(Name::parse(text).is_none(), "{text}");
        }
    }
}
