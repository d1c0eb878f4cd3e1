//! A room under a window: so many messages are in flight, and as soon as one has reached every
//! member the next is sent. With a window of one, nothing can be batched; with sixteen, a server
//! may send sixteen at once.

use std::time::{Duration, Instant};

use crate::crowd::Crowd;
use crate::talk::Talk;

/// Largest window.
const MAX_WINDOW: usize = 16;
/// A message that is not told to all for so long ends the measurement.
const STALL: Duration = Duration::from_secs(10);

/// What one measurement saw.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    /// Messages that reached a member, one for each member.
    pub deliveries: u64,
    /// What they cost the server, user and kernel.
    pub cpu: Duration,
    /// How long they took.
    pub wall: Duration,
    /// From the sending of a message to its arrival at the last member, in µs.
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
}

/// Keeps `window` messages in flight for `duration`, after a fifth of it to warm up. All of the
/// crowd are in one room and the first of them speaks, whether it listens or not. `cpu_time` tells what the servers have used.
///
/// # Errors
/// When a message does not reach everybody.
pub fn drive(
    cpu_time: impl Fn() -> anyhow::Result<Duration>,
    crowd: &mut Crowd,
    talk: &Talk,
    window: usize,
    duration: Duration,
) -> anyhow::Result<Sample> {
    let mut flight = Flight::new(crowd.len(), crowd.listeners(), window);
    let frame = talk.frame(0);
    let frames = frame.repeat(window);
    let warm = Instant::now() + duration / 5;
    flight.send(crowd, &frames)?;
    while Instant::now() < warm {
        flight.turn(crowd, talk, &frames)?;
    }
    let (told, cpu, begun) = (flight.deliveries, cpu_time()?, Instant::now());
    flight.latencies_us.clear();
    while begun.elapsed() < duration {
        flight.turn(crowd, talk, &frames)?;
    }
    let sample = Sample {
        deliveries: flight.deliveries - told,
        cpu: cpu_time()?.saturating_sub(cpu),
        wall: begun.elapsed(),
        latencies_us: std::mem::take(&mut flight.latencies_us),
    };
    while flight.completed < flight.sent {
        flight.turn(crowd, talk, &[])?;
    }
    Ok(sample)
}

/// The messages that are on their way. Every member is told them in the same order, so that its
/// n-th frame is the n-th message.
struct Flight {
    window: usize,
    listeners: usize,
    sent: u64,
    completed: u64,
    deliveries: u64,
    /// How many each socket has been told.
    told: Vec<u64>,
    /// For each message in flight, at its number modulo the largest window: when it was sent, and
    /// how many members it has not reached.
    pending: [(Instant, usize); MAX_WINDOW],
    latencies_us: Vec<u32>,
    progress: Instant,
}

impl Flight {
    fn new(sockets: usize, listeners: usize, window: usize) -> Flight {
        assert!(window <= MAX_WINDOW, "no larger window is kept");
        let now = Instant::now();
        Flight {
            window,
            listeners,
            sent: 0,
            completed: 0,
            deliveries: 0,
            told: vec![0; sockets],
            pending: [(now, 0); MAX_WINDOW],
            latencies_us: Vec::new(),
            progress: now,
        }
    }

    /// Sends as many of the frames as the window has room for.
    fn send(&mut self, crowd: &mut Crowd, frames: &[u8]) -> anyhow::Result<()> {
        let room = self.window - (self.sent - self.completed) as usize;
        let now = Instant::now();
        for _ in 0..room {
            self.pending[self.sent as usize % MAX_WINDOW] = (now, self.listeners);
            self.sent += 1;
        }
        let bytes = frames.len() / self.window * room;
        anyhow::ensure!(crowd.send(0, &frames[..bytes]), "the server does not read");
        Ok(())
    }

    fn turn(&mut self, crowd: &mut Crowd, talk: &Talk, frames: &[u8]) -> anyhow::Result<()> {
        let before = self.completed;
        crowd.turn(Duration::from_millis(100), |member, text| {
            if !talk.counts(text) {
                return;
            }
            let pending = &mut self.pending[self.told[member] as usize % MAX_WINDOW];
            self.told[member] += 1;
            self.deliveries += 1;
            pending.1 -= 1;
            if pending.1 == 0 {
                self.completed += 1;
                self.latencies_us.push(pending.0.elapsed().as_micros() as u32);
            }
        })?;
        if self.completed > before {
            self.progress = Instant::now();
            if !frames.is_empty() {
                self.send(crowd, frames)?;
            }
        }
        let stalled = self.progress.elapsed() > STALL;
        anyhow::ensure!(!stalled, "message {} did not reach everybody", self.completed);
        Ok(())
    }
}
