//! A spool file in the course of being read: by records, or by buffers with a place to go back to.

use spool::{FileReader, Place, Spid, SpoolError};

/// Most places that are kept of one file: 4096 of 48 bytes, whatever its length.
const PLACES: usize = 4096;

/// A spool file in the course of being read.
pub struct Reading {
    /// Its number.
    pub spid: Spid,
    /// Its records.
    pub file: FileReader,
    /// How often it is still read from its beginning under SPOOL CONT, this time not counted.
    pub copies_left: u8,
    /// It is being read by buffers; none when by records.
    buffers: Option<Buffers>,
}

/// The file that DIAGNOSE listed last, of those that came from printers or of the others.
#[derive(Clone, Copy)]
pub struct Listed {
    /// Of those from printers.
    pub print: bool,
    /// Its identity.
    pub serial: u64,
    /// Files listed so far.
    pub given: usize,
}

/// Where in the file buffers begin.
struct Buffers {
    /// Number of the buffer that is read next, from 1.
    next: u32,
    places: Places<Place>,
}

impl Reading {
    /// A file at its beginning.
    pub fn new(spid: Spid, file: FileReader) -> Self {
        let copies_left = file.file().attributes.copies.number() - 1;
        Self { spid, file, copies_left, buffers: None }
    }

    /// Its identity.
    pub fn serial(&self) -> u64 {
        self.file.file().serial
    }

    /// From now on it is read by records, from its beginning when it was not.
    pub fn by_records(&mut self) -> &mut FileReader {
        if self.buffers.take().is_some() {
            self.file.restart();
        }
        &mut self.file
    }

    /// Goes to its beginning.
    pub fn restart(&mut self) {
        self.file.restart();
        self.buffers = None;
    }

    /// The number of the buffer that is read next, from 1.
    pub fn next_buffer(&self) -> u32 {
        self.buffers.as_ref().map_or(1, |buffers| buffers.next)
    }

    /// Reads the next buffer by `fill`, which is told whether it is the first and answers `None` when it took no record.
    pub fn read_buffer<T>(
        &mut self,
        fill: impl FnOnce(&mut FileReader, bool) -> Result<Option<T>, SpoolError>,
    ) -> Result<Option<T>, SpoolError> {
        let file = &mut self.file;
        let buffers = self.buffers.get_or_insert_with(|| {
            file.restart();
            Buffers { next: 1, places: Places::default() }
        });
        let (number, place) = (buffers.next, file.place());
        let filled = fill(file, number == 1)?;
        if filled.is_some() {
            buffers.places.note(number, place);
            buffers.next = number.saturating_add(1);
        }
        Ok(filled)
    }

    /// Goes to the nearest place that is known before the buffer with that number.
    pub fn go_near(&mut self, number: u32) -> Result<(), SpoolError> {
        let Some(buffers) = &mut self.buffers else {
            self.file.restart();
            return Ok(());
        };
        match buffers.places.before(number) {
            Some((near, place)) if number < buffers.next || near > buffers.next => {
                self.file.go_to(place)?;
                buffers.next = near;
            }
            _ => {}
        }
        Ok(())
    }
}

/// The places where some of the buffers of a file begin: of every one in a short file, of every second, fourth and so on in longer ones.
#[derive(Debug)]
struct Places<P> {
    every: u32,
    places: Vec<P>,
}

impl<P> Default for Places<P> {
    fn default() -> Self {
        Self { every: 1, places: Vec::new() }
    }
}

impl<P: Copy> Places<P> {
    /// Buffer `number` begins there. Buffers come in order, some of them again.
    fn note(&mut self, number: u32, place: P) {
        let at = number - 1;
        if !at.is_multiple_of(self.every) || (at / self.every) as usize != self.places.len() {
            return;
        }
        self.places.push(place);
        if self.places.len() > PLACES {
            let mut second = false;
            self.places.retain(|_| {
                second = !second;
                second
            });
            self.every = self.every.saturating_mul(2);
        }
    }

    /// The last known buffer that is not behind `number`.
    fn before(&self, number: u32) -> Option<(u32, P)> {
        let last = self.places.len().checked_sub(1)?;
        let index = ((number.max(1) - 1) / self.every).min(last as u32);
        Some((index * self.every + 1, self.places[index as usize]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_a_long_file_are_few_and_right() {
        let mut places = Places::default();
        for number in 1..=100_000 {
            places.note(number, number);
            // Going back and reading again changes nothing.
            places.note(number.saturating_sub(5).max(1), 0);
        }
        assert!(places.places.len() <= PLACES);
        for number in [1, 2, 31, 32, 33, 5000, 99_999, 100_000, u32::MAX] {
            let (near, place) = places.before(number).expect("there are places");
            assert_eq!(near, place);
            assert!(near <= number && number.min(100_000) - near < 64, "{number}: {near}");
        }
        assert_eq!(Places::<u32>::default().before(7), None);
    }
}
