//! Puts packets together of their text and their attachments.

use super::packet::{self, Kind, Packet};
use crate::engineio::{Data, Malformed};

/// Bytes of all attachments of one packet at most.
pub const ATTACHED_BYTES: usize = 1_000_000;

/// A packet with everything that belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whole {
    /// What it is.
    pub kind: Kind,
    /// The namespace it belongs to.
    pub namespace: Box<str>,
    /// The sender's name for it, if it wants an answer or is one.
    pub id: Option<u64>,
    /// JSON, as [`Packet::payload`] says; placeholders stand for the attachments.
    pub payload: Box<str>,
    /// The attachments.
    pub attachments: Vec<Vec<u8>>,
}

/// Reads the messages of one connection in order.
#[derive(Default)]
pub struct Assembler {
    /// A packet of which attachments are still to come, and how many.
    open: Option<Box<(Whole, usize)>>,
}

impl Assembler {
    /// Takes a message; returns the packet it completes.
    ///
    /// # Errors
    /// As [`packet::decode`]; for a text where an attachment is due and the other way round, and for
    /// attachments over [`ATTACHED_BYTES`]. The assembler must not be used afterwards.
    pub fn take(&mut self, data: Data) -> Result<Option<Whole>, Malformed> {
        match (data, self.open.take()) {
            (Data::Text(text), None) => {
                let packet = packet::decode(&text)?;
                let missing = packet.attachments;
                Ok(self.keep(Whole::of(&packet), missing))
            }
            (Data::Binary(bytes), Some(open)) => {
                let (mut whole, missing) = *open;
                let held: usize = whole.attachments.iter().map(Vec::len).sum();
                if held + bytes.len() > ATTACHED_BYTES {
                    return Err(Malformed("attachments over the limit"));
                }
                whole.attachments.push(bytes);
                Ok(self.keep(whole, missing - 1))
            }
            (Data::Text(_), Some(_)) => Err(Malformed("a text where an attachment is due")),
            (Data::Binary(_), None) => Err(Malformed("an attachment of nothing")),
        }
    }

    /// Returns how many bytes wait for the rest of their packet.
    pub fn held_bytes(&self) -> usize {
        self.open.as_ref().map_or(0, |open| open.0.size_bytes())
    }

    fn keep(&mut self, whole: Whole, missing: usize) -> Option<Whole> {
        if missing == 0 {
            return Some(whole);
        }
        self.open = Some(Box::new((whole, missing)));
        None
    }
}

impl Whole {
    fn of(packet: &Packet<'_>) -> Self {
        Self {
            kind: packet.kind,
            namespace: packet.namespace.into(),
            id: packet.id,
            payload: packet.payload.into(),
            attachments: Vec::new(),
        }
    }

    /// Returns how many bytes it has.
    pub fn size_bytes(&self) -> usize {
        let attached: usize = self.attachments.iter().map(Vec::len).sum();
        self.namespace.len() + self.payload.len() + attached
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Data {
        Data::Text(text.to_owned())
    }

    const TWO: &str = r#"52-["e",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;

    #[test]
    fn a_packet_is_whole_with_its_last_attachment() {
        let mut assembler = Assembler::default();
        assert_eq!(assembler.take(text(TWO)), Ok(None));
        assert_eq!(assembler.take(Data::Binary(vec![1])), Ok(None));
        let whole = assembler.take(Data::Binary(vec![2, 3])).unwrap().unwrap();
        assert_eq!(whole.attachments, [vec![1], vec![2, 3]]);
        assert_eq!(&*whole.payload, &TWO[3..]);
        assert_eq!(assembler.held_bytes(), 0);
        assert!(assembler.take(text("2[\"e\"]")).unwrap().is_some());
    }

    #[test]
    fn a_message_of_the_wrong_form_is_refused() {
        let mut assembler = Assembler::default();
        assert!(assembler.take(Data::Binary(vec![1])).is_err());
        let mut assembler = Assembler::default();
        assembler.take(text(TWO)).unwrap();
        assert!(assembler.take(text("2[\"e\"]")).is_err());
    }

    #[test]
    fn attachments_are_bounded_together() {
        let mut assembler = Assembler::default();
        assembler.take(text(TWO)).unwrap();
        assert_eq!(assembler.take(Data::Binary(vec![0; ATTACHED_BYTES])), Ok(None));
        assert!(assembler.take(Data::Binary(vec![0])).is_err());
    }
}
