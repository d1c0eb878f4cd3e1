//! WebSocket frames (RFC 6455, section 5.2), as far as a generator of load needs them.

/// Text frame, final.
pub const TEXT: u8 = 0x1;
/// Close frame.
pub const CLOSE: u8 = 0x8;
/// Ping frame.
pub const PING: u8 = 0x9;
/// Pong frame.
pub const PONG: u8 = 0xA;

/// The mask of every frame we send. Any value is as good; a mask of zeros could be skipped by a
/// server that looks.
const MASK: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

/// Where the parts of a frame are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// What kind of frame it is.
    pub opcode: u8,
    /// The mask of a client's frame.
    pub mask: Option<[u8; 4]>,
    /// Index of the first byte of the payload.
    pub payload: usize,
    /// Index after the last byte of the payload.
    pub end: usize,
}

impl Head {
    /// Reads the head of the frame that begins at `start`, or `None` while bytes of it are missing.
    #[inline]
    pub fn read(bytes: &[u8], start: usize) -> Option<Head> {
        let &[first, second, ref rest @ ..] = bytes.get(start..)? else { return None };
        let (length, length_bytes) = match second & 0x7F {
            126 => (u64::from(u16::from_be_bytes(rest.get(..2)?.try_into().ok()?)), 2),
            127 => (u64::from_be_bytes(rest.get(..8)?.try_into().ok()?), 8),
            short => (u64::from(short), 0),
        };
        let mut payload = start + 2 + length_bytes;
        let mut mask = None;
        if second & 0x80 != 0 {
            mask = Some(bytes.get(payload..payload + 4)?.try_into().ok()?);
            payload += 4;
        }
        let end = payload + usize::try_from(length).ok()?;
        Some(Head { opcode: first & 0x0F, mask, payload, end })
    }
}

/// Appends a frame as a client sends it.
pub fn push_masked(out: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    push_head(out, opcode, payload.len(), 0x80);
    out.extend_from_slice(&MASK);
    out.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
}

/// Appends a frame as a server sends it; the payload is `masked` with `mask` until now.
pub fn push_unmasked(out: &mut Vec<u8>, opcode: u8, masked: &[u8], mask: [u8; 4]) {
    push_head(out, opcode, masked.len(), 0);
    out.extend(masked.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
}

fn push_head(out: &mut Vec<u8>, opcode: u8, length: usize, mask_bit: u8) {
    out.push(0x80 | opcode);
    match length {
        0..=125 => out.push(mask_bit | length as u8),
        126..=0xFFFF => {
            out.push(mask_bit | 126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            out.push(mask_bit | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_of_any_length_comes_back_as_it_was() {
        for length in [0, 1, 125, 126, 200, 65_535, 65_536] {
            let payload = vec![7u8; length];
            let mut sent = vec![0xFF; 3];
            push_masked(&mut sent, TEXT, &payload);
            let head = Head::read(&sent, 3).expect("the frame is whole");
            assert_eq!((head.opcode, head.end), (TEXT, sent.len()));
            let mask = head.mask.expect("clients mask");
            let mut told = Vec::new();
            push_unmasked(&mut told, TEXT, &sent[head.payload..head.end], mask);
            let head = Head::read(&told, 0).expect("the frame is whole");
            assert_eq!(head.mask, None);
            assert_eq!(&told[head.payload..head.end], payload);
        }
    }

    #[test]
    fn half_a_head_is_no_head() {
        let mut sent = Vec::new();
        push_masked(&mut sent, TEXT, &[1; 300]);
        for length in 0..8 {
            assert_eq!(Head::read(&sent[..length], 0), None);
        }
        assert!(Head::read(&sent[..8], 0).is_some());
    }
}
