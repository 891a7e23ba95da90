//! Which files a command means, what it changes in them, and how files are counted.

use super::{Attributes, Class, Copies, FileInfo, FileName, Hold, Queue, Spid, Tag, Userid, Word};

/// What CHANGE and CLOSE set; a field that is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Spooling class.
    pub class: Option<Class>,
    /// Copies.
    pub copies: Option<Copies>,
    /// HOLD or NOHOLD: the user's part of the hold.
    pub user_hold: Option<bool>,
    /// SYSHOLD or NOSYSHOLD: the operator's part of the hold.
    pub system_hold: Option<bool>,
    /// KEEP or NOKEEP.
    pub keep: Option<bool>,
    /// MSG or NOMSG.
    pub msg: Option<bool>,
    /// Form, or none for the standard form.
    pub form: Option<Option<Word>>,
    /// Destination, or none for OFF.
    pub dest: Option<Option<Word>>,
    /// Distribution code, or none for OFF.
    pub dist: Option<Option<Word>>,
    /// Name and type.
    pub name: Option<FileName>,
    /// Tag.
    pub tag: Option<Tag>,
}

impl Change {
    /// Sets what this names in `attributes`.
    pub fn apply(&self, attributes: &mut Attributes) {
        fn set<T: Clone>(target: &mut T, value: Option<&T>) {
            if let Some(value) = value {
                target.clone_from(value);
            }
        }
        set(&mut attributes.class, self.class.as_ref());
        set(&mut attributes.copies, self.copies.as_ref());
        set(&mut attributes.keep, self.keep.as_ref());
        set(&mut attributes.msg, self.msg.as_ref());
        set(&mut attributes.form, self.form.as_ref());
        set(&mut attributes.dest, self.dest.as_ref());
        set(&mut attributes.dist, self.dist.as_ref());
        set(&mut attributes.name, self.name.as_ref());
        set(&mut attributes.tag, self.tag.as_ref());
        attributes.hold = Hold::of(self.user_hold.unwrap_or(attributes.hold.user()), self.system_hold.unwrap_or(attributes.hold.system()));
    }
}

/// Which files a command means. A field left at its default does not restrict, so the default means every file of the system.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Files of this user only.
    pub owner: Option<Userid>,
    /// Files of this queue only.
    pub queue: Option<Queue>,
    /// Files with one of these numbers only; empty does not restrict.
    pub spids: Vec<Spid>,
    /// The file of this identity only.
    pub serial: Option<u64>,
    /// Files of this class only.
    pub class: Option<Class>,
    /// Files on this form only (`None` inside: on the standard form).
    pub form: Option<Option<Word>>,
    /// Files for this destination only (`None` inside: for none).
    pub dest: Option<Option<Word>>,
    /// Files whose user's part of the hold is this (HOLD, NOHOLD, USERHOLD).
    pub user_hold: Option<bool>,
    /// Files whose operator's part of the hold is this (SYSHOLD).
    pub system_hold: Option<bool>,
    /// Files made by this user only.
    pub origin: Option<Userid>,
    /// Files with this name only.
    pub name: Option<FileName>,
}

impl Selection {
    /// Every file of one user.
    #[must_use]
    pub fn of(owner: Userid) -> Self {
        Self { owner: Some(owner), ..Self::default() }
    }

    /// Of these, the files in one queue.
    #[must_use]
    pub fn on(self, queue: Queue) -> Self {
        Self { queue: Some(queue), ..self }
    }

    /// Of these, the file with one number (or several, called again).
    #[must_use]
    pub fn spid(mut self, spid: Spid) -> Self {
        self.spids.push(spid);
        self
    }

    /// Of these, the files of one class.
    #[must_use]
    pub fn class(self, class: Class) -> Self {
        Self { class: Some(class), ..self }
    }

    /// Whether the file is meant.
    #[must_use]
    pub fn matches(&self, file: &FileInfo) -> bool {
        fn is<T: PartialEq>(wanted: Option<&T>, value: &T) -> bool {
            wanted.is_none_or(|wanted| wanted == value)
        }
        let attributes = &file.attributes;
        is(self.owner.as_ref(), &file.owner)
            && is(self.queue.as_ref(), &file.queue)
            && (self.spids.is_empty() || self.spids.contains(&file.spid))
            && is(self.serial.as_ref(), &file.serial)
            && is(self.class.as_ref(), &attributes.class)
            && is(self.form.as_ref(), &attributes.form)
            && is(self.dest.as_ref(), &attributes.dest)
            && is(self.user_hold.as_ref(), &attributes.hold.user())
            && is(self.system_hold.as_ref(), &attributes.hold.system())
            && is(self.origin.as_ref(), &file.origin)
            && is(self.name.as_ref(), &attributes.name)
    }
}

/// Files of one user, by queue: QUERY FILES.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueCounts {
    /// Reader files.
    pub reader: u64,
    /// Printer files.
    pub printer: u64,
    /// Punch files.
    pub punch: u64,
}

impl QueueCounts {
    /// The counter of one queue.
    pub fn of(&mut self, queue: Queue) -> &mut u64 {
        match queue {
            Queue::Reader => &mut self.reader,
            Queue::Printer => &mut self.printer,
            Queue::Punch => &mut self.punch,
        }
    }

    /// All files.
    #[must_use]
    pub fn all(&self) -> u64 {
        self.reader.saturating_add(self.printer).saturating_add(self.punch)
    }
}

/// What the whole store holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Files by queue.
    pub files: QueueCounts,
    /// Bytes of the closed files as they are stored.
    pub stored: u64,
    /// Bytes that the segments take on the host's disk, files being written included.
    pub on_disk: u64,
    /// How full the spool is.
    pub space: Space,
}

/// How full the spool is, in bytes: what QUERY ALLOC SPOOL shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Space {
    /// What files take, those being written and those still read after a purge included.
    pub used: u64,
    /// What they may take: the limit that was set, or less when the host has no more room than that.
    pub capacity: u64,
}

impl Space {
    /// How much of it is used, rounded down; 100 when there is no room at all.
    #[must_use]
    pub fn percent(self) -> u8 {
        let percent = (u128::from(self.used) * 100).checked_div(u128::from(self.capacity)).unwrap_or(100);
        u8::try_from(percent.min(100)).unwrap_or(100)
    }
}
