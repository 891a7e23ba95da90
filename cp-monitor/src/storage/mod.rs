//! Real storage and the address spaces that CMS machines live in. Talks to the host's memory and to nothing else; KVM learns
//! of a change only through `TableHolder`, which the partition implements.
//!
//! # What is where
//!
//! [`Storage`] owns every 4 KiB frame that machines may use, as two sparse memory files mapped into CP: the *arena* of data
//! frames and the *tables*, frames that hold page tables. A partition (one KVM VM) registers each as one memory slot, so a
//! frame has the same guest-physical address in every partition:
//!
//! ```text
//!   guest-physical          0  assist area of the partition (GDT, IDT, stubs, TSS, stacks)
//!                       4 GiB  page-table frames
//!                      32 GiB  arena
//!
//!   a machine's virtual     0 .. size                    its storage
//!                           size .. 512 GiB              nothing: addressing exception
//!                           0xffff_ff80_0000_0000 ..     the assist area, supervisor only
//! ```
//!
//! An [`AddressSpace`] is one machine's page tables, built here by CP and read by KVM. A leaf entry says which state a page is
//! in: untouched (reads as zero, costs nothing), private, shared with a saved system, shared until stored into; and when frames are
//! few, private but unmapped to see whether it is still wanted, or on the paging file ([`paging`]). A [`SavedSystem`] is a set of frames that many machines share, never written after it is built.
//!
//! # The rules, and why
//!
//! KVM keeps translations that it made from our tables: shadow page tables on hosts without nested paging, TLB entries on
//! the others. A store of CP's into a page table is seen by neither. So:
//!
//! 1. *Not present to present needs nothing.* The machine faults and KVM reads the table again.
//! 2. *Every other change* (a copy-on-write break, release of a page) first changes the entry and then drops every mapping of
//!    the *old data frame*, by `MADV_DONTNEED` when the frame lives on and by punching it out of the file when it does not. The
//!    host tells KVM of both. A break that the machine's own store asked for is no exception: the store would bring the new
//!    translation, but CP may send the machine elsewhere first, and reads would go on through the old one.
//! 3. *The machine does not run meanwhile.* All this is done by methods on `&mut AddressSpace`, which its processor holds while it runs.
//! 4. *A private frame is punched before anybody else gets it.* Freed frames are *retired* and punched in batches; only then
//!    are they free. Punching drops all mappings, returns host memory and leaves zeroes, so a frame on the free map is clean
//!    by construction.
//!    One that the host's I/O uses at this moment is *pinned* ([`Pinned`]) and stays retired, and where it is mapped, until that has ended.
//! 5. *A page-table frame changes its meaning only after a flush.* A small tree of tables is handed on whole: its private entries
//!    are emptied, their frames punched, and *then* the next machine of the same saved system gets it. The links between its
//!    tables and its shared entries stay, so what KVM derived from them stays true, and the rest is rule 1. Tables of other trees go
//!    into quarantine; when enough are there, `TableHolder::refresh_tables` re-registers the slot of tables in every partition, which
//!    throws away everything that was derived from any table, and they are zeroed and free. A flush stops every machine: 70
//!    microseconds for each that KVM keeps translations of, so 80 ms with a thousand. That is why trees are handed on.
//!
//! A saved system learns its *known write set*: the first machine that runs it notes which pages it touched, the next ones
//! get those pages at IPL, because a page fault through CP costs some 40 microseconds on hosts with slow exits.
//!
//! # Locks, outermost first
//!
//! `sweeping` (one batch of retired frames at a time), `flushing` (one flush at a time), then the partition's gate (taken by
//! `refresh_tables`), then `state`, the slots of the paging file, the pager's bell or a saved system's own lists. The last are held for bookkeeping only, never across a
//! system call. No method here may be called from inside KVM_RUN, where the processor holds the gate.

mod frames;
mod gauge;
pub mod held;
pub mod paging;
mod pinned;
mod ring;
mod saved;
mod space;
mod tables;

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use frames::{Frame, FreeMap, Region, runs};
use paging::{PagingFigures, PagingSpace};
use pinned::Pins;
use tables::Page;

pub use gauge::{MachineFigures, PageGauge};
pub use pinned::Pinned;
pub use saved::{ImageError, SavedSystem};
pub use space::AddressSpace;
pub(crate) use tables::{ACCESSED, ARENA_BASE, ASSIST_ADDRESS, ASSIST_BASE, ASSIST_POINTERS, DIRTY, PRESENT, TABLES_BASE, WRITE};

/// Retired frames that are punched together. 2 MiB: few system calls, little memory held back.
const SWEEP_BATCH: usize = 512;
/// Trees of up to this many tables are handed on.
const SPARE_TREE_TABLES: usize = 16;
/// Most tables in spare trees, enough for 4,000 small machines to log on: 64 MiB.
const SPARE_TABLES: usize = 16384;
/// Trees of machines that are gone that make a sweep worth while.
const SWEEP_TREES: usize = 64;
/// Page-table frames in quarantine that make a flush worth its price (every machine's translations are rebuilt afterwards).
const FLUSH_BATCH: usize = 2048;

/// Why storage could not be had.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The host refused memory for the arena.
    #[error("Real storage of {frames} frames cannot be set up")]
    Arena {
        /// Frames asked for.
        frames: usize,
        /// The host's reason.
        #[source]
        source: std::io::Error,
    },
    /// A size that is not a whole number of pages between one page and 512 GiB.
    #[error("A storage size of {0} bytes is not possible: whole pages up to 512 GiB are")]
    Size(u64),
    /// Every frame is in use.
    #[error("Real storage is exhausted")]
    NoFrames,
    /// A saved system does not fit into the machine.
    #[error("Saved system {name} needs storage up to {end:#x}, the machine has {size:#x}")]
    TooSmall {
        /// Name of the saved system.
        name: String,
        /// First address after it.
        end: u64,
        /// Size of the machine.
        size: u64,
    },
    /// Stale translations could not be dropped, so the change is not safe to run with.
    #[error("The host did not drop old translations")]
    Host(#[from] std::io::Error),
}

/// Why an access to a machine's storage is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// The address is outside the machine's storage.
    #[error("Address {0:#x} is outside the machine's storage")]
    Addressing(u64),
    /// A store into storage that may only be read.
    #[error("Storage at {0:#x} may only be read")]
    Protection(u64),
    /// Real storage is exhausted.
    #[error("Real storage is exhausted: there is no frame for {0:#x}")]
    NoFrames(u64),
    /// The page is on the paging file and must be read first.
    #[error("The page at {0:#x} is on the paging file")]
    Paged(u64),
    /// The host did not do what was needed to make the change visible.
    #[error("The host did not drop old translations of {0:#x}")]
    Host(u64),
}

/// How real storage is used. Frames of 4 KiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameCounts {
    /// Data frames in all.
    pub total: usize,
    /// Data frames that belong to one machine each.
    pub in_use: usize,
    /// Data frames of saved systems.
    pub shared: usize,
    /// Page-table frames of machines.
    pub page_tables: usize,
    /// Page-table frames in trees that are kept for the next machines.
    pub spare_tables: usize,
    /// Frames of either kind that nobody uses but that may not be used again yet.
    pub quarantined: usize,
}

/// Whoever derives translations from the page tables (a partition).
pub(crate) trait TableHolder: Send + Sync {
    /// Forgets every translation derived from any page table. When this returns, none is in use and none is left.
    fn refresh_tables(&self) -> std::io::Result<()>;
}

/// Page tables that hang together: a root and what it leads to.
#[derive(Debug)]
struct Tree {
    root: Frame,
    pointers: Frame,
    /// Tables in the tree, these two included.
    tables: usize,
    /// A machine ran with it: KVM may have derived translations.
    seen: bool,
}

/// A tree whose machine is gone, to be handed on when its private frames are punched.
struct RetiredTree {
    tree: Tree,
    /// The saved system that the entries left in it belong to.
    system: Option<Weak<SavedSystem>>,
}

struct State {
    data: FreeMap,
    tables: FreeMap,
    in_use: usize,
    shared: usize,
    /// Data frames that wait for being punched.
    retired: Vec<Frame>,
    /// Trees that lead to frames in `retired`, or to nothing.
    retired_trees: Vec<RetiredTree>,
    /// Empty trees for the next machines.
    spare_trees: Vec<Tree>,
    /// Tables in trees that no machine has.
    spare_tables: usize,
    /// Page-table frames that wait for a flush.
    quarantine: Vec<Frame>,
}

impl State {
    fn is_short(&self) -> bool {
        (self.data.free() as usize) + self.retired.len() < low_water(self.data.total() as usize)
    }
}

/// Frames that CP wants to have at hand: enough for the faults that come while it pages out, and never much of the whole.
fn low_water(frames: usize) -> usize {
    (frames / 64).clamp(8, 2048)
}

/// Real storage: all frames that machines may use. Shared by everything that makes address spaces.
pub struct Storage {
    arena: Region,
    tables: Region,
    paging: Option<PagingSpace>,
    pins: Pins,
    /// The pager is to look: set, and waited for with the condition.
    bell: (Mutex<bool>, Condvar),
    state: Mutex<State>,
    sweeping: Mutex<()>,
    flushing: Mutex<()>,
    holders: Mutex<Vec<Weak<dyn TableHolder>>>,
    held: held::Held,
}

/// Locks, and carries on after a panic elsewhere: every critical section here leaves its data whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Storage {
    /// Real storage of `frames` data frames of 4 KiB. Host memory is taken as machines touch it.
    ///
    /// # Errors
    /// [`StorageError::Arena`] when the count is 0 or beyond 480 GiB, or the host refuses.
    pub fn new(frames: usize) -> Result<Arc<Self>, StorageError> {
        Self::with_paging(frames, None)
    }

    /// The same with a place for pages when frames are few.
    ///
    /// # Errors
    /// As [`Storage::new`].
    pub fn with_paging(frames: usize, paging: Option<PagingSpace>) -> Result<Arc<Self>, StorageError> {
        let failed = |source| StorageError::Arena { frames, source };
        let count = u32::try_from(frames)
            .ok()
            .filter(|&count| count > 0 && u64::from(count) <= (tables::MAX_SIZE - ARENA_BASE) / abi::PAGE)
            .ok_or_else(|| failed(std::io::ErrorKind::InvalidInput.into()))?;
        // A small machine has four tables for some 25 pages, a large one a table for 512 pages. The slot is registered anew
        // at each flush, which takes the longer the larger it is: no more than a million.
        let table_count = (count / 8 + 4096).min(1 << 20);
        Ok(Arc::new(Self {
            arena: Region::new(c"cp64 storage", count).map_err(failed)?,
            tables: Region::new(c"cp64 page tables", table_count).map_err(failed)?,
            paging,
            pins: Pins::new(count),
            bell: (Mutex::new(false), Condvar::new()),
            state: Mutex::new(State {
                data: FreeMap::new(count),
                tables: FreeMap::new(table_count),
                in_use: 0,
                shared: 0,
                retired: Vec::new(),
                retired_trees: Vec::new(),
                spare_trees: Vec::new(),
                spare_tables: 0,
                quarantine: Vec::new(),
            }),
            sweeping: Mutex::new(()),
            flushing: Mutex::new(()),
            holders: Mutex::new(Vec::new()),
            held: held::Held::default(),
        }))
    }

    /// How the frames are used at this moment.
    pub fn counts(&self) -> FrameCounts {
        let state = lock(&self.state);
        let tables = (state.tables.total() - state.tables.free()) as usize;
        FrameCounts {
            total: state.data.total() as usize,
            in_use: state.in_use,
            shared: state.shared,
            page_tables: tables.saturating_sub(state.quarantine.len() + state.spare_tables),
            spare_tables: state.spare_tables,
            quarantined: state.retired.len() + state.quarantine.len(),
        }
    }

    /// How storage is shared out between frames and the paging file, and what was moved.
    pub fn paging_figures(&self) -> PagingFigures {
        let (total, available) = {
            let state = lock(&self.state);
            (state.data.total() as usize, state.data.free() as usize + state.retired.len())
        };
        let low = low_water(total);
        let mut figures = PagingFigures { frames: total, available, low, high: low * 2, ..PagingFigures::default() };
        if let Some(paging) = &self.paging {
            paging.add_to(&mut figures);
        }
        figures
    }

    /// Calls the pager.
    pub fn ring(&self) {
        let (rung, wake) = &self.bell;
        if !std::mem::replace(&mut *lock(rung), true) {
            wake.notify_all();
        }
    }

    /// Waits until the pager is called, at most for `timeout`. Answers whether it was.
    pub fn wait_for_ring(&self, timeout: Duration) -> bool {
        let (rung, wake) = &self.bell;
        let waited = wake.wait_timeout_while(lock(rung), timeout, |rung| !*rung);
        std::mem::take(&mut *waited.unwrap_or_else(PoisonError::into_inner).0)
    }

    /// Makes frames that were given up ready for use.
    pub fn tidy_frames(&self) {
        self.sweep();
    }

    /// Makes slots that were given up ready for use. May block.
    pub fn tidy_slots(&self) {
        if let Some(paging) = &self.paging {
            paging.tidy();
        }
    }

    /// The memory slots a partition registers: (guest-physical address, bytes, host address) of the arena and of the tables.
    pub(crate) fn slots(&self) -> [(u64, u64, u64); 2] {
        [(ARENA_BASE, &self.arena), (TABLES_BASE, &self.tables)].map(|(base, region)| (base, region.bytes(), region.host_address()))
    }

    /// Page-table frames in all.
    pub(crate) fn table_frames(&self) -> u32 {
        lock(&self.state).tables.total()
    }

    /// From now on `holder` is told to forget what it derived from page tables before any of them gets a new meaning.
    pub(crate) fn add_holder(&self, holder: Weak<dyn TableHolder>) {
        let mut holders = lock(&self.holders);
        holders.retain(|other| other.strong_count() > 0);
        holders.push(holder);
    }

    /// Takes up to `want` clean frames for a machine, at least one.
    fn take_frames(&self, want: usize) -> Result<Vec<Frame>, StorageError> {
        let attempt = |frames: &mut Vec<Frame>| {
            let mut state = lock(&self.state);
            frames.extend(std::iter::from_fn(|| state.data.take()).take(want));
            state.in_use += frames.len();
            state.is_short()
        };
        let mut frames = Vec::with_capacity(want);
        let mut short = attempt(&mut frames);
        if frames.is_empty() && want > 0 {
            self.sweep();
            short = attempt(&mut frames);
        }
        if short {
            self.ring();
        }
        if frames.is_empty() && want > 0 { Err(StorageError::NoFrames) } else { Ok(frames) }
    }

    /// Takes exactly `count` frames or none.
    fn take_exactly(&self, count: usize) -> Result<Vec<Frame>, StorageError> {
        let mut frames = self.take_frames(count)?;
        if frames.len() < count {
            self.sweep();
            match self.take_frames(count - frames.len()) {
                Ok(more) => frames.extend(more),
                Err(error) => {
                    self.retire(frames);
                    return Err(error);
                }
            }
        }
        if frames.len() < count {
            self.retire(frames);
            return Err(StorageError::NoFrames);
        }
        Ok(frames)
    }

    /// Counts frames that were taken for a machine as a saved system's instead.
    fn share(&self, frames: usize) {
        let mut state = lock(&self.state);
        state.in_use -= frames;
        state.shared += frames;
    }

    /// The reverse of [`Storage::share`], before the frames retire.
    fn unshare(&self, frames: usize) {
        let mut state = lock(&self.state);
        state.shared -= frames;
        state.in_use += frames;
    }

    /// Gives up frames of a machine that does not run any more (rule 4).
    fn retire(&self, frames: Vec<Frame>) {
        let full = {
            let mut state = lock(&self.state);
            state.in_use -= frames.len();
            state.retired.extend(frames);
            state.retired.len() >= SWEEP_BATCH || state.retired_trees.len() >= SWEEP_TREES
        };
        if full {
            self.sweep();
        }
    }

    /// Punches every retired frame; those, and the trees that led to them, may be used again.
    fn sweep(&self) {
        // Dropped after the lock: the last user of a saved system retires its frames.
        let mut systems = Vec::new();
        let _one_at_a_time = lock(&self.sweeping);
        let (mut batch, trees) = {
            let mut state = lock(&self.state);
            (std::mem::take(&mut state.retired), std::mem::take(&mut state.retired_trees))
        };
        let mut clean = Vec::with_capacity(batch.len());
        let mut kept: Vec<Frame> = batch.extract_if(.., |frame| self.pins.holds(*frame)).collect();
        for run in runs(&mut batch) {
            match self.arena.punch(run) {
                Ok(()) => clean.extend(run.frames()),
                Err(error) => {
                    tracing::warn!(%error, frames = run.count, "Frames could not be given back to the host and stay retired");
                    kept.extend(run.frames());
                }
            }
        }
        let all_punched = kept.is_empty();
        {
            let mut state = lock(&self.state);
            state.retired.extend(kept);
            clean.into_iter().for_each(|frame| state.data.give(frame));
        }
        if all_punched {
            systems.extend(trees.into_iter().filter_map(|retired| self.hand_on(retired)));
        } else {
            // One of them may still lead to a frame that was not punched.
            lock(&self.state).retired_trees.extend(trees);
        }
    }

    /// Keeps a tree for the next machine of its saved system, or for any machine. Answers the system, to be let go of later.
    fn hand_on(&self, retired: RetiredTree) -> Option<Arc<SavedSystem>> {
        if lock(&self.state).spare_tables > SPARE_TABLES {
            self.discard_spare_trees(vec![retired.tree]);
            return None;
        }
        let Some(system) = retired.system else {
            lock(&self.state).spare_trees.push(retired.tree);
            return None;
        };
        match system.upgrade() {
            Some(system) => {
                system.keep_tree(retired.tree);
                Some(system)
            }
            None => {
                self.discard_spare_trees(vec![retired.tree]);
                None
            }
        }
    }

    /// Spare trees are taken apart: their tables go into quarantine.
    fn discard_spare_trees(&self, trees: Vec<Tree>) {
        let tables: Vec<Frame> = trees.iter().flat_map(|tree| self.tables_of(tree)).collect();
        lock(&self.state).spare_tables -= tables.len();
        self.retire_tables(tables);
    }

    /// Punches frames at once: a machine that goes on running gave them up (rule 2).
    fn release_now(&self, mut frames: Vec<Frame>) -> Result<(), StorageError> {
        let mut pinned: Vec<Frame> = frames.extract_if(.., |frame| self.pins.holds(*frame)).collect();
        if !pinned.is_empty() {
            // The host's I/O still uses them: they retire, and are punched when it has ended.
            let dropped = runs(&mut pinned).into_iter().try_for_each(|run| self.arena.drop_run(run));
            self.retire(pinned);
            dropped.inspect_err(|_| self.retire(std::mem::take(&mut frames)))?;
        }
        for run in runs(&mut frames) {
            if let Err(error) = self.arena.punch(run) {
                // Nothing is given back twice: what was not punched in this call is retired with the rest.
                self.retire(frames);
                return Err(error.into());
            }
        }
        let mut state = lock(&self.state);
        state.in_use -= frames.len();
        for frame in frames {
            state.data.give(frame);
        }
        Ok(())
    }

    /// A zeroed page-table frame.
    fn take_table(&self) -> Result<Frame, StorageError> {
        let taken = lock(&self.state).tables.take();
        match taken {
            Some(frame) => Ok(frame),
            None => {
                self.sweep();
                let spare = std::mem::take(&mut lock(&self.state).spare_trees);
                self.discard_spare_trees(spare);
                self.flush_tables()?;
                lock(&self.state).tables.take().ok_or(StorageError::NoFrames)
            }
        }
    }

    /// Makes page-table frames of the quarantine free: every partition forgets what it derived from them, then they are zeroed.
    fn flush_tables(&self) -> Result<(), StorageError> {
        let _one_at_a_time = lock(&self.flushing);
        let mut batch = std::mem::take(&mut lock(&self.state).quarantine);
        if batch.is_empty() {
            return Ok(());
        }
        let holders: Vec<_> = lock(&self.holders).iter().filter_map(Weak::upgrade).collect();
        let flushed = holders
            .iter()
            .try_for_each(|holder| holder.refresh_tables())
            .and_then(|()| runs(&mut batch).into_iter().try_for_each(|run| self.tables.punch(run)));
        let mut state = lock(&self.state);
        match flushed {
            Ok(()) => batch.into_iter().for_each(|frame| state.tables.give(frame)),
            Err(error) => {
                state.quarantine.append(&mut batch);
                return Err(error.into());
            }
        }
        Ok(())
    }

    /// Puts page-table frames into quarantine.
    fn retire_tables(&self, tables: impl IntoIterator<Item = Frame>) {
        let full = {
            let mut state = lock(&self.state);
            state.quarantine.extend(tables);
            state.quarantine.len() >= FLUSH_BATCH
        };
        if full && let Err(error) = self.flush_tables() {
            tracing::warn!(%error, "Page tables stay in quarantine");
        }
    }

    /// An empty tree: one that is spare, or two tables with the assist area linked in.
    fn take_tree(&self) -> Result<Tree, StorageError> {
        let spare = {
            let mut state = lock(&self.state);
            let spare = state.spare_trees.pop();
            state.spare_tables -= spare.as_ref().map_or(0, |tree| tree.tables);
            spare
        };
        if let Some(tree) = spare {
            return Ok(tree);
        }
        let root = self.take_table()?;
        let pointers = self.take_table().inspect_err(|_| self.retire_tables([root]))?;
        self.tables.store(root, 0, tables::link(pointers));
        self.tables.store(root, tables::ASSIST_SLOT, ASSIST_POINTERS | PRESENT | WRITE | ACCESSED);
        Ok(Tree { root, pointers, tables: 2, seen: false })
    }

    /// The frame behind an own page that was given up, if it has one. Its slot is let go.
    fn frame_of(&self, page: Page) -> Option<Frame> {
        match page {
            Page::Private(frame) | Page::Idle(frame) => Some(frame),
            Page::Paged(slot) => {
                let frame = self.paging.as_ref().and_then(|paging| paging.discard(slot));
                self.ring();
                frame
            }
            Page::Untouched | Page::Shared { .. } => None,
        }
    }

    /// The first page table from `address` on: the address of its first page, and the table.
    fn next_lower_table(&self, tree: &Tree, address: u64) -> Option<(u64, Frame)> {
        let first = tables::index(address, 3);
        for high in first..512 {
            let Some(directory) = tables::linked(self.tables.load(tree.pointers, high)) else {
                continue;
            };
            let from = if high == first { tables::index(address, 2) } else { 0 };
            let found = (from..512).find_map(|low| Some((low, tables::linked(self.tables.load(directory, low))?)));
            if let Some((low, table)) = found {
                return Some(((high as u64) << 30 | (low as u64) << 21, table));
            }
        }
        None
    }

    /// The entry for `address` in its page table, if that table exists.
    fn leaf(&self, tree: &Tree, address: u64) -> Option<(Frame, usize)> {
        let directory = tables::linked(self.tables.load(tree.pointers, tables::index(address, 3)))?;
        let table = tables::linked(self.tables.load(directory, tables::index(address, 2)))?;
        Some((table, tables::index(address, 1)))
    }

    /// The entry for `address`, with the tables on the way made as needed.
    fn make_leaf(&self, tree: &mut Tree, address: u64) -> Result<(Frame, usize), StorageError> {
        let mut table = tree.pointers;
        for level in [3, 2] {
            let index = tables::index(address, level);
            table = match tables::linked(self.tables.load(table, index)) {
                Some(next) => next,
                None => {
                    let next = self.take_table()?;
                    self.tables.store(table, index, tables::link(next));
                    tree.tables += 1;
                    next
                }
            };
        }
        Ok((table, tables::index(address, 1)))
    }

    /// Every lower table of the tree: (address of its first page, the table), page directories apart.
    fn lower_tables(&self, tree: &Tree) -> (Vec<Frame>, Vec<(u64, Frame)>) {
        let (mut directories, mut leaves) = (Vec::new(), Vec::new());
        for high in 0..512 {
            let Some(directory) = tables::linked(self.tables.load(tree.pointers, high)) else {
                continue;
            };
            directories.push(directory);
            leaves.extend((0..512).filter_map(|low| {
                let table = tables::linked(self.tables.load(directory, low))?;
                Some(((high as u64) << 30 | (low as u64) << 21, table))
            }));
        }
        (directories, leaves)
    }

    /// Every table of the tree.
    fn tables_of(&self, tree: &Tree) -> Vec<Frame> {
        let (directories, leaves) = self.lower_tables(tree);
        let leaves = leaves.into_iter().map(|(_, table)| table);
        [tree.root, tree.pointers].into_iter().chain(directories).chain(leaves).collect()
    }

    /// Takes over the tree of a machine that does not run any more, with the saved systems it mapped. Private frames retire. A small
    /// tree that maps one saved system or none is kept for the next machine, the others go into quarantine (rule 5).
    fn retire_tree(&self, tree: Tree, systems: &[Arc<SavedSystem>]) {
        let mut frames = Vec::new();
        for (_, table) in self.lower_tables(&tree).1 {
            for index in 0..512 {
                let page = Page::decode(self.tables.load(table, index));
                if page.is_own() {
                    self.tables.store(table, index, 0);
                    frames.extend(self.frame_of(page));
                }
            }
        }
        if tree.tables > SPARE_TREE_TABLES || systems.len() > 1 {
            self.retire(frames);
            self.retire_tables(self.tables_of(&tree));
            return;
        }
        let system = systems.first().map(Arc::downgrade);
        {
            // Together, so that no sweep hands the tree on before its frames are punched.
            let mut state = lock(&self.state);
            state.spare_tables += tree.tables;
            state.in_use -= frames.len();
            state.retired.append(&mut frames);
            state.retired_trees.push(RetiredTree { tree, system });
        }
        self.retire(frames);
    }
}
