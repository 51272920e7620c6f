//! Merges the sample tables of all tracks into the ranges of a file that hold video or audio, in file order.
//!
//! Owns the merging. Invariant: a few pages of each table are in memory, never the ranges; a table that is out of order
//! is sorted in memory if it is short, and is an error if it is not.

use std::io::{Read, Seek};
use std::vec::IntoIter;

use super::Error;
use super::samples::SampleChunks;
use crate::bytes::Source;

/// The most tracks that are merged; each has pages of three tables in memory.
const MAX_TRACKS: usize = 64;
/// The most chunks in tables that are out of order, all together.
const MAX_UNSORTED: usize = 100_000;

/// The role of the ranges in one list.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// They hold kept data.
    Kept,
    /// They hold kept data up to the start of the next range of any track.
    OpenEnded,
    /// They matter only because an open-ended range ends where they begin.
    Removed,
    /// Items, which are independent of tracks.
    Item,
}

enum List {
    Table(Box<SampleChunks>),
    Sorted(IntoIter<(u64, u64)>),
}

struct Cursor {
    list: List,
    role: Role,
    head: Option<(u64, u64)>,
}

impl Cursor {
    fn advance<R: Read + Seek>(&mut self, source: &mut Source<'_, R>) -> Result<(), Error> {
        self.head = match &mut self.list {
            List::Table(chunks) => chunks.next(source)?,
            List::Sorted(ranges) => ranges.next(),
        };
        Ok(())
    }
}

/// All ranges of a file.
#[derive(Default)]
pub(super) struct Ranges {
    cursors: Vec<Cursor>,
    unsorted: usize,
    /// The start of an open-ended range whose end is not known yet.
    open: Option<u64>,
    /// The next range of a list.
    held: Option<(u64, u64)>,
    begun: bool,
}

impl Ranges {
    pub(super) fn is_empty(&self) -> bool {
        self.cursors.iter().all(|cursor| cursor.role == Role::Removed)
    }

    /// Adds a track's chunks.
    pub(super) fn track<R: Read + Seek>(
        &mut self,
        source: &mut Source<'_, R>,
        mut chunks: SampleChunks,
        role: Role,
    ) -> Result<(), Error> {
        if self.cursors.len() >= MAX_TRACKS {
            return Err(Error::TooComplex);
        }
        if chunks.count == 0 {
            return chunks.next(source).map(|_| ());
        }
        if chunks.is_sorted(source)? {
            self.cursors.push(Cursor { list: List::Table(Box::new(chunks)), role, head: None });
            return Ok(());
        }
        let mut ranges = Vec::new();
        while let Some(range) = chunks.next(source)? {
            self.unsorted += 1;
            if self.unsorted > MAX_UNSORTED {
                return Err(Error::TooComplex);
            }
            ranges.push(range);
        }
        self.list(ranges, role);
        Ok(())
    }

    /// Adds ranges in any order.
    pub(super) fn list(&mut self, mut ranges: Vec<(u64, u64)>, role: Role) {
        if !ranges.is_empty() {
            ranges.sort_unstable();
            self.cursors.push(Cursor { list: List::Sorted(ranges.into_iter()), role, head: None });
        }
    }

    /// Returns the next kept range, if it begins before `limit`.
    pub(super) fn next_before<R: Read + Seek>(
        &mut self,
        source: &mut Source<'_, R>,
        limit: u64,
    ) -> Result<Option<(u64, u64)>, Error> {
        if self.held.is_none() {
            self.held = self.next(source)?;
        }
        Ok(self.held.take_if(|range| range.0 < limit))
    }

    fn next<R: Read + Seek>(&mut self, source: &mut Source<'_, R>) -> Result<Option<(u64, u64)>, Error> {
        if !self.begun {
            self.begun = true;
            for cursor in &mut self.cursors {
                cursor.advance(source)?;
            }
        }
        loop {
            let first = self.cursors.iter_mut().filter(|cursor| cursor.head.is_some()).min_by_key(|cursor| cursor.head);
            let Some(cursor) = first else { return Ok(self.open.take().map(|start| (start, u64::MAX))) };
            let (Some((start, end)), role) = (cursor.head, cursor.role) else { return Ok(None) };
            if let Some(open) = self.open.filter(|open| *open < start) {
                // The cursor stays where it is and is returned again. An item does not end an audio range around it.
                self.open = (role == Role::Item).then_some(start);
                return Ok(Some((open, start)));
            }
            cursor.advance(source)?;
            match role {
                Role::Kept | Role::Item => return Ok(Some((start, end))),
                Role::OpenEnded => self.open = Some(start),
                Role::Removed => {}
            }
        }
    }
}
