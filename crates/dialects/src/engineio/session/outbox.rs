//! What waits to be fetched by polls.

use std::collections::VecDeque;

use super::QUEUE_BYTES;
use crate::engineio::{Outgoing, polling};

/// Packets in their order, and the place they take in payloads.
#[derive(Default)]
pub(super) struct Outbox {
    packets: VecDeque<Outgoing>,
    bytes: usize,
}

impl Outbox {
    pub(super) fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// Adds packets; `false` if more waits now than may wait.
    pub(super) fn push(&mut self, packets: &[Outgoing]) -> bool {
        self.bytes += packets.iter().map(polling::size_bytes).sum::<usize>();
        self.packets.extend(packets.iter().cloned());
        self.bytes <= QUEUE_BYTES
    }

    /// Takes as many packets out as one answer holds, and one in any case.
    pub(super) fn take_payload(&mut self, max_payload: usize) -> Vec<u8> {
        let mut payload = Vec::new();
        while let Some(packet) = self.packets.front() {
            let size = polling::size_bytes(packet);
            if !payload.is_empty() && payload.len() + size > max_payload {
                return payload;
            }
            polling::append(&mut payload, packet);
            self.bytes -= size;
            self.packets.pop_front();
        }
        // Idle sessions keep no room for what once waited.
        self.packets = VecDeque::new();
        payload
    }

    /// Takes everything out.
    pub(super) fn take_all(&mut self) -> VecDeque<Outgoing> {
        self.bytes = 0;
        std::mem::take(&mut self.packets)
    }
}
