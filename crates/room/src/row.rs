//! Things in the order in which they came, each found, added and taken out in constant time, for
//! the price of eight bytes: a list that is linked by places in one block of memory.

/// No place.
const NONE: u32 = u32::MAX;

/// Where a thing is in its row, as long as it is there. The place of one that was taken out is
/// given to a later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place(u32);

#[derive(Debug)]
enum Slot<T> {
    Taken { it: T, before: u32, after: u32 },
    Free { next: u32 },
}

/// What a thing of a row takes in memory, in bytes.
#[cfg(test)]
pub(crate) const fn slot_bytes<T>() -> usize {
    size_of::<Slot<T>>()
}

/// A row of things.
#[derive(Debug)]
pub(crate) struct Row<T> {
    slots: Vec<Slot<T>>,
    first: u32,
    last: u32,
    free: u32,
}

impl<T> Default for Row<T> {
    fn default() -> Self {
        Self { slots: Vec::new(), first: NONE, last: NONE, free: NONE }
    }
}

impl<T> Row<T> {
    /// Adds a thing at the end.
    pub(crate) fn push(&mut self, it: T) -> Place {
        let place = self.free_slot();
        let before = std::mem::replace(&mut self.last, place);
        self.slots[place as usize] = Slot::Taken { it, before, after: NONE };
        match self.links(before) {
            Some((_, after)) => *after = place,
            None => self.first = place,
        }
        Place(place)
    }

    fn free_slot(&mut self) -> u32 {
        if let Some(Slot::Free { next }) = self.slots.get(self.free as usize) {
            return std::mem::replace(&mut self.free, *next);
        }
        if self.slots.len() == self.slots.capacity() {
            // Doubling would waste half of a large room's memory.
            self.slots.reserve_exact((self.slots.len() / 16).max(4));
        }
        self.slots.push(Slot::Free { next: NONE });
        u32::try_from(self.slots.len() - 1).expect("a room has fewer than four billion seats")
    }

    fn links(&mut self, place: u32) -> Option<(&mut u32, &mut u32)> {
        match self.slots.get_mut(place as usize)? {
            Slot::Taken { before, after, .. } => Some((before, after)),
            Slot::Free { .. } => None,
        }
    }

    /// Takes a thing out.
    pub(crate) fn remove(&mut self, place: Place) -> Option<T> {
        let slot = self.slots.get_mut(place.0 as usize)?;
        let Slot::Taken { .. } = slot else { return None };
        let taken = std::mem::replace(slot, Slot::Free { next: self.free });
        self.free = place.0;
        let Slot::Taken { it, before, after } = taken else { return None };
        match self.links(before) {
            Some((_, its_after)) => *its_after = after,
            None => self.first = after,
        }
        match self.links(after) {
            Some((its_before, _)) => *its_before = before,
            None => self.last = before,
        }
        Some(it)
    }

    /// Returns the thing at a place.
    pub(crate) fn get(&self, place: Place) -> Option<&T> {
        match self.slots.get(place.0 as usize)? {
            Slot::Taken { it, .. } => Some(it),
            Slot::Free { .. } => None,
        }
    }

    /// Returns the thing at a place, to be changed.
    pub(crate) fn get_mut(&mut self, place: Place) -> Option<&mut T> {
        match self.slots.get_mut(place.0 as usize)? {
            Slot::Taken { it, .. } => Some(it),
            Slot::Free { .. } => None,
        }
    }

    /// Goes through the places in order, those behind `behind` only.
    pub(crate) fn places(&self, behind: Option<Place>) -> impl Iterator<Item = Place> {
        let after = |place: u32| match self.slots.get(place as usize) {
            Some(Slot::Taken { after, .. }) => *after,
            Some(Slot::Free { .. }) | None => NONE,
        };
        let start = behind.map_or(self.first, |place| after(place.0));
        let exists = |place: &u32| *place != NONE;
        std::iter::successors(Some(start).filter(exists), move |place| {
            Some(after(*place)).filter(exists)
        })
        .map(Place)
    }
}

#[cfg(test)]
mod tests {
    use super::Row;

    fn all(row: &Row<u32>) -> Vec<u32> {
        row.places(None).filter_map(|place| row.get(place).copied()).collect()
    }

    #[test]
    fn things_stay_in_order_whoever_leaves() {
        let mut row = Row::default();
        let places: Vec<_> = (0..6).map(|it| row.push(it)).collect();
        for (gone, left) in [(0, vec![1, 2, 3, 4, 5]), (5, vec![1, 2, 3, 4]), (2, vec![1, 3, 4])] {
            assert_eq!(row.remove(places[gone as usize]), Some(gone));
            assert_eq!(row.remove(places[gone as usize]), None);
            assert_eq!(all(&row), left);
        }
        row.push(6);
        row.push(7);
        assert_eq!(all(&row), [1, 3, 4, 6, 7]);
        let behind: Vec<_> = row.places(Some(places[3])).collect();
        assert_eq!(behind.len(), 3);
        for place in row.places(None).collect::<Vec<_>>() {
            row.remove(place);
        }
        assert!(all(&row).is_empty());
        row.push(8);
        assert_eq!(all(&row), [8]);
    }
}
