//! What members and the storm tell one another.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Shared by all members and the storm.
#[derive(Debug, Default)]
pub struct Board {
    inside: AtomicUsize,
    connections: AtomicUsize,
    calm: AtomicBool,
    /// What happened last, and how long who was away because of it.
    absences: Mutex<(&'static str, Vec<(&'static str, Duration)>)>,
}

impl Board {
    /// Notes that a member knows where its room stands, after so long if it had been thrown out.
    pub fn enter(&self, away: Option<(&'static str, Duration)>) {
        self.inside.fetch_add(1, Ordering::Relaxed);
        self.connections.fetch_add(1, Ordering::Relaxed);
        self.absences().1.extend(away);
    }

    /// Notes that a member's connection is over. Returns what happened last.
    pub fn leave(&self) -> &'static str {
        self.inside.fetch_sub(1, Ordering::Relaxed);
        self.absences().0
    }

    /// Notes what happens now.
    pub fn announce(&self, fault: &'static str) {
        self.absences().0 = fault;
    }

    /// Returns how many members are in.
    pub fn inside(&self) -> usize {
        self.inside.load(Ordering::Relaxed)
    }

    /// Returns how many connections got in.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Lets the members finish.
    pub fn calm_down(&self) {
        self.calm.store(true, Ordering::Relaxed);
    }

    /// Says whether nothing new is to be begun.
    pub fn is_calm(&self) -> bool {
        self.calm.load(Ordering::Relaxed)
    }

    /// Takes all absences out: what had happened, and how long somebody was away.
    pub fn take_absences(&self) -> Vec<(&'static str, Duration)> {
        std::mem::take(&mut self.absences().1)
    }

    fn absences(&self) -> MutexGuard<'_, (&'static str, Vec<(&'static str, Duration)>)> {
        // Nothing is left half done under the lock.
        self.absences.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
