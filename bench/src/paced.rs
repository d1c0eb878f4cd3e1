//! Rooms under a steady rate: messages are sent when they are due, whether the server keeps up or
//! not, and carry the sender's clock so that each delivery tells how long it took.

use std::time::{Duration, Instant};

use crate::contestants::Running;
use crate::crowd::Crowd;
use crate::talk::{Talk, stamp_us};

/// A rate and who keeps it.
#[derive(Clone, Debug)]
pub struct Pace {
    /// Messages per second, all senders together.
    pub per_second: f64,
    /// The sockets that speak, one after the other, over and over.
    pub senders: Vec<usize>,
    /// Members of the room of each sender.
    pub listeners: usize,
    /// Latency is read at every socket whose index is a multiple of this.
    pub sample_every: usize,
}

/// What one measurement saw.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    /// Deliveries that the messages sent should have led to.
    pub expected: u64,
    /// Deliveries within the time of the measurement.
    pub deliveries: u64,
    /// What they cost the server, user and kernel.
    pub cpu: Duration,
    /// How long it was measured.
    pub wall: Duration,
    /// From sending to arrival, in µs, of the deliveries that were sampled.
    pub latencies_us: Vec<u32>,
}

impl Sample {
    /// Returns deliveries per second of the server's CPU time.
    pub fn per_cpu_second(&self) -> f64 {
        self.deliveries as f64 / self.cpu.as_secs_f64()
    }

    /// Returns the share of one core that the server used, 0 to 1.
    pub fn core(&self) -> f64 {
        self.cpu.as_secs_f64() / self.wall.as_secs_f64()
    }

    /// Returns the share of what was due that was delivered while it was measured, 0 to 1.
    pub fn kept_up(&self) -> f64 {
        self.deliveries as f64 / self.expected as f64
    }
}

/// Speaks at a pace for `duration`, after a fifth of it to warm up.
///
/// # Errors
/// When the kernel refuses to wait.
pub fn drive(
    running: &Running,
    crowd: &mut Crowd,
    talk: &Talk,
    pace: &Pace,
    duration: Duration,
) -> anyhow::Result<Sample> {
    let begun = Instant::now();
    let warm = duration / 5;
    let mut sample = Sample::default();
    let mut measured_from = None;
    let mut sent = 0u64;
    loop {
        let now = begun.elapsed();
        if now >= warm + duration {
            break;
        }
        if measured_from.is_none() && now >= warm {
            measured_from = Some((Instant::now(), running.process.cpu_time()?, sent));
            sample.deliveries = 0;
            sample.latencies_us.clear();
        }
        while due(sent, pace) <= now {
            let sender = pace.senders[sent as usize % pace.senders.len()];
            // A message the kernel does not take is one that was due and is not delivered.
            crowd.send(sender, &talk.frame(begun.elapsed().as_micros() as u32));
            sent += 1;
        }
        let wait = due(sent, pace).saturating_sub(begun.elapsed());
        crowd.turn(wait, |member, text| {
            if !talk.counts(text) {
                return;
            }
            sample.deliveries += 1;
            if member.is_multiple_of(pace.sample_every)
                && let Some(stamp) = stamp_us(text)
            {
                let now_us = begun.elapsed().as_micros() as u32;
                sample.latencies_us.push(now_us.saturating_sub(stamp));
            }
        })?;
    }
    if let Some((from, cpu, sent_before)) = measured_from {
        sample.wall = from.elapsed();
        sample.cpu = running.process.cpu_time()?.saturating_sub(cpu);
        sample.expected = (sent - sent_before) * pace.listeners as u64;
    }
    Ok(sample)
}

/// Returns when a message is due, after the first.
fn due(number: u64, pace: &Pace) -> Duration {
    Duration::from_secs_f64(number as f64 / pace.per_second)
}
