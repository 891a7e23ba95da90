//! More than one pair of eyes: who else hears a console (SECUSER, OBSERVER), and its recording.
//!
//! A line is passed on by whoever writes it, at once and without waiting: it becomes a line of the other user's console, which is bounded
//! as every console is. A line that was passed on is passed on to nobody else, so two users who watch each other do no harm.

use std::sync::Arc;

use console::Heard;
use console::wire::LineKind;

use super::User;
use super::recording::Recording;
use super::secrets::without_secrets;
use crate::directory::UserId;

/// Who hears the console besides its own user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ears {
    /// Nobody.
    #[default]
    Nobody,
    /// The secondary user, while no terminal of its own is connected; may also type (SEND).
    Secondary(UserId),
    /// The observer, always.
    Observer(UserId),
}

/// The two kinds of them, as commands name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// SECUSER.
    Secondary,
    /// OBSERVER.
    Observer,
}

impl Kind {
    /// As messages name it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Secondary => "SECUSER",
            Kind::Observer => "OBSERVER",
        }
    }

    /// Ears of this kind.
    pub fn ears(self, userid: UserId) -> Ears {
        match self {
            Kind::Secondary => Ears::Secondary(userid),
            Kind::Observer => Ears::Observer(userid),
        }
    }
}

impl Ears {
    /// Who it is, when it is of this kind.
    pub fn of(self, kind: Kind) -> Option<UserId> {
        match (self, kind) {
            (Ears::Secondary(userid), Kind::Secondary) | (Ears::Observer(userid), Kind::Observer) => Some(userid),
            _ => None,
        }
    }

    /// Who hears what is written now.
    fn hears(self, attended: bool) -> Option<UserId> {
        match self {
            Ears::Observer(userid) => Some(userid),
            Ears::Secondary(userid) if !attended => Some(userid),
            _ => None,
        }
    }
}

/// What a console's lines go to besides its terminals.
#[derive(Default)]
pub struct Eyes {
    ears: Ears,
    recording: Option<Arc<Recording>>,
}

impl User {
    /// Who hears the console besides its user.
    pub fn ears(&self) -> Ears {
        self.eyes.lock().ears
    }

    /// What the CONSOLE statement says of that.
    pub fn ears_of_directory(&self) -> Ears {
        let console = self.entry.console.as_ref();
        match console.map(|console| (console.secondary, console.observer)) {
            Some((_, Some(userid))) => Ears::Observer(userid),
            Some((Some(userid), None)) => Ears::Secondary(userid),
            _ => Ears::Nobody,
        }
    }

    /// Changes who hears the console; answers who did before. A user has a secondary user or an observer, never both.
    pub fn set_ears(&self, ears: Ears) -> Ears {
        let mut eyes = self.eyes.lock();
        let before = std::mem::replace(&mut eyes.ears, ears);
        self.listen(&eyes);
        before
    }

    /// Begins to record the console, or ends it; answers the recording before.
    pub fn set_recording(&self, recording: Option<Arc<Recording>>) -> Option<Arc<Recording>> {
        let mut eyes = self.eyes.lock();
        let before = std::mem::replace(&mut eyes.recording, recording);
        self.listen(&eyes);
        before
    }

    /// The recording that goes on.
    pub fn recording(&self) -> Option<Arc<Recording>> {
        self.eyes.lock().recording.clone()
    }

    fn listen(&self, eyes: &Eyes) {
        self.console.listen(eyes.ears != Ears::Nobody || eyes.recording.is_some());
    }

    /// A line was written to the console. Whoever wrote it may hold this user's locks: only the table of users, consoles and the queue of
    /// a recording are locked here.
    pub(super) fn heard(&self, heard: Heard<'_>) {
        let (hears, recording) = {
            let eyes = self.eyes.lock();
            (eyes.ears.hears(heard.attended), eyes.recording.clone())
        };
        if let Some(recording) = recording {
            self.record(&recording, heard);
        }
        let Some(userid) = hears.filter(|userid| *userid != self.id && !heard.relayed && heard.kind != LineKind::Input) else { return };
        let Some(other) = self.cp.users.get(&userid) else { return };
        if userid == self.cp.operator_id() {
            self.cp.prop.hear(8, self.id, heard.text);
        }
        let kind = match heard.kind {
            LineKind::Message | LineKind::Warning => heard.kind,
            _ => LineKind::Cp,
        };
        other.console.relay(kind, &format!("{:<8}: {}", self.id, heard.text));
    }

    fn record(&self, recording: &Arc<Recording>, heard: Heard<'_>) {
        // Typed lines are written by whoever serves the terminal, who holds no lock of a user.
        let masked = (heard.kind == LineKind::Input).then(|| without_secrets(heard.text, &self.session.lock().settings.edit));
        let text = masked.as_deref().unwrap_or(heard.text);
        if recording.take(heard.kind, text) {
            let (cp, recording, userid) = (Arc::clone(&self.cp), Arc::clone(recording), self.id);
            self.cp.workers.submit(Box::new(move || {
                if let Err(why) = recording.write()
                    && let Some(user) = cp.users.get(&userid)
                {
                    user.end_recording(&why);
                }
            }));
        }
    }

    /// A recording cannot go on: it is ended, and user and operator are told why.
    fn end_recording(&self, why: &str) {
        if let Some(recording) = self.set_recording(None) {
            drop(recording.finish());
            let text = format!("HCPREC9451E Recording of the console of {} is stopped; {why}", self.id);
            self.console.write(LineKind::Warning, &text);
            self.cp.say_to_operator(&text);
        }
    }

    /// LOGOFF: the recording ends with the console.
    pub(super) fn close_eyes(&self) {
        if let Some(recording) = self.set_recording(None)
            && let Err(why) = recording.finish()
        {
            self.cp.say_to_operator(&format!("HCPREC9451E Recording of the console of {} is incomplete; {why}", self.id));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secondary_user_hears_the_disconnected_and_an_observer_everything() {
        let who: UserId = "MAINT".parse().unwrap();
        assert_eq!(Ears::Secondary(who).hears(false), Some(who));
        assert_eq!(Ears::Secondary(who).hears(true), None);
        assert_eq!(Ears::Observer(who).hears(true), Some(who));
        assert_eq!(Ears::Nobody.hears(false), None);
        assert_eq!(Kind::Observer.ears(who).of(Kind::Secondary), None);
    }
}
