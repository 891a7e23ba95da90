//! Commit: how a set of changes becomes durable, all or none.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::directory::{Directory, Place, pointer_blocks, pointer_count};
use super::filesystem::own_blocks;
use super::label::DIRECTORY_HOMES;
use super::space::Space;
use super::{BlockDevice, EdfError, FileSystem, Result};

/// Where the next directory and map will lie, and what that took from the free space and gave back.
#[derive(Default)]
struct Plan {
    directory: Place,
    map: Place,
    taken: Vec<u32>,
    given: Vec<u32>,
}

impl Plan {
    fn take(&mut self, space: &mut Space) -> Option<u32> {
        let block = space.hold()?;
        space.adopt(block);
        self.taken.push(block);
        Some(block)
    }

    fn give(&mut self, space: &mut Space, block: u32) {
        if space.in_use(block) {
            space.release(block);
            self.given.push(block);
        }
    }

    fn replace_pointers(&mut self, space: &mut Space, old: &[u32], count: usize) -> Option<Vec<u32>> {
        old.iter().for_each(|&block| self.give(space, block));
        (0..count).map(|_| self.take(space)).collect()
    }

    /// Puts everything back as it was before the plan.
    fn undo(self, space: &mut Space) {
        self.taken.into_iter().for_each(|block| space.disown(block));
        self.given.into_iter().for_each(|block| space.mark_used(block));
    }
}

impl<D: BlockDevice> FileSystem<D> {
    /// Makes every change since the last commit durable, all or none.
    ///
    /// Writes new blocks, flushes, rewrites the label, flushes. After an error the changes are still there and may be committed again,
    /// except after [`EdfError::Uncertain`]: then only [`rollback`](FileSystem::rollback) helps.
    pub fn commit(&mut self) -> Result<(), D> {
        if !self.changed {
            return Ok(());
        }
        self.writable()?;
        // A map that was wrong about them is put right.
        own_blocks(&self.directory).for_each(|block| self.space.mark_used(block));
        let plan = self.plan()?;
        self.carry_out(plan)
    }

    /// The first commit of a disk that is being formatted: the map goes right behind the directory homes.
    pub(super) fn commit_empty(&mut self) -> Result<(), D> {
        let mut plan = Plan::default();
        plan.directory.blocks.push(DIRECTORY_HOMES[0]);
        let chunks = self.space.chunks();
        for _ in 0..chunks {
            let block = plan.take(&mut self.space).ok_or(EdfError::Full)?;
            plan.map.blocks.push(block);
        }
        let pointers = plan.replace_pointers(&mut self.space, &[], pointer_count(chunks, self.volume.block_size()));
        plan.map.pointers = pointers.ok_or(EdfError::Full)?;
        self.carry_out(plan)
    }

    fn carry_out(&mut self, plan: Plan) -> Result<(), D> {
        if let Err(error) = self.write_plan(&plan) {
            plan.undo(&mut self.space);
            return Err(error);
        }
        let home = plan.directory.blocks[0];
        let mut label = self.label.clone();
        label.commit(home, self.space.used());
        let written = self.volume.write(label.block, &label.bytes[..]).and_then(|()| self.volume.flush());
        if written.is_err() {
            self.uncertain = true;
            return Err(EdfError::Uncertain);
        }
        self.label = label;
        (self.directory.directory, self.directory.map) = (plan.directory, plan.map);
        self.directory.settle();
        self.space.settle();
        self.changed = false;
        Ok(())
    }

    /// Most blocks that committing can take, with so many more files: what the files themselves must leave free.
    pub(super) fn commit_cost(&self, more_files: usize) -> u32 {
        let directory = self.directory.block_count(more_files);
        let map = self.space.chunks();
        let pointers = |blocks| pointer_count(blocks, self.volume.block_size());
        (directory - 1 + pointers(directory) + map + pointers(map)) as u32
    }

    /// Finds a place for everything that has to be written.
    fn plan(&mut self) -> Result<Plan, D> {
        let space = &mut self.space;
        let old = &self.directory;
        let mut plan = Plan { map: old.map.clone(), ..Plan::default() };
        let home = if self.label.label.directory == DIRECTORY_HOMES[0] { DIRECTORY_HOMES[1] } else { DIRECTORY_HOMES[0] };
        match place_all(&mut plan, space, old, home, self.volume.block_size()) {
            Some(()) => Ok(plan),
            None => {
                plan.undo(space);
                Err(EdfError::Full)
            }
        }
    }

    /// Writes everything but the label and flushes.
    fn write_plan(&mut self, plan: &Plan) -> Result<(), D> {
        let (mut blocks, mut bytes) = (Vec::new(), Vec::new());
        let mut add = |block: u32, content: &[u8]| {
            blocks.push(block);
            bytes.extend_from_slice(content);
        };
        let old = &self.directory;
        for (number, &block) in plan.directory.blocks.iter().enumerate() {
            if old.directory.blocks.get(number) != Some(&block) {
                add(block, &old.block(number, &plan.directory, &plan.map)[..]);
            }
        }
        for (chunk, &block) in plan.map.blocks.iter().enumerate() {
            if old.map.blocks.get(chunk) != Some(&block) {
                add(block, self.space.chunk(chunk));
            }
        }
        for place in [&plan.directory, &plan.map] {
            for (&block, content) in place.pointers.iter().zip(pointer_blocks(place, self.volume.block_size())) {
                add(block, &content[..]);
            }
        }
        debug_assert_eq!(bytes.len(), blocks.len() * self.volume.block_size());
        self.volume.write_list(&blocks, &bytes).map_err(EdfError::Device)?;
        self.volume.flush().map_err(EdfError::Device)
    }
}

/// Decides on every block of the new directory and map; `None` when the space does not suffice.
fn place_all(plan: &mut Plan, space: &mut Space, old: &Directory, home: u32, block_size: usize) -> Option<()> {
    DIRECTORY_HOMES.iter().for_each(|&block| space.mark_used(block));
    plan.directory.blocks.push(home);
    let count = old.block_count(0);
    for number in 1..count.max(old.directory.blocks.len()) {
        let before = old.directory.blocks.get(number).copied();
        match before {
            Some(block) if number < count && !old.block_changed(number) => {
                plan.directory.blocks.push(block);
                continue;
            }
            Some(block) => plan.give(space, block),
            None => {}
        }
        if number < count {
            let block = plan.take(space)?;
            plan.directory.blocks.push(block);
        }
    }
    let (had, chunks) = (old.map.blocks.len(), space.chunks());
    old.map.blocks.iter().skip(chunks).for_each(|&block| plan.give(space, block));
    plan.map.blocks.truncate(chunks);
    let pointers = |blocks| pointer_count(blocks, block_size);
    plan.directory.pointers = plan.replace_pointers(space, &old.directory.pointers, pointers(count))?;
    plan.map.pointers = plan.replace_pointers(space, &old.map.pointers, pointers(chunks))?;
    for _ in had..chunks {
        let block = plan.take(space)?;
        plan.map.blocks.push(block);
    }
    // Moving a chunk of the map changes the map, perhaps in another chunk: go on until none is left.
    let mut moved = BTreeSet::new();
    while let Some(&chunk) = space.changed().iter().find(|chunk| !moved.contains(*chunk)) {
        moved.insert(chunk);
        let Some(&before) = old.map.blocks.get(chunk) else { continue };
        plan.give(space, before);
        plan.map.blocks[chunk] = plan.take(space)?;
    }
    Some(())
}
