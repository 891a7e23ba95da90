//! Virtual consoles and how people reach them.
//!
//! [`VirtualConsole`] is the model of one console, [`Host`] what front ends ask of CP, [`local`] the front end on a unix socket,
//! [`client`] the terminal side of it, [`operator`] the operator screen. Knows nothing of CP: CP implements the traits here and front ends call them.

mod attempts;
mod calls;
pub mod client;
mod door;
pub mod frame;
mod host;
mod journal;
mod line_edit;
pub mod line_mode;
pub mod local;
pub mod operator;
pub mod picture;
mod preferences;
pub mod presentation;
mod proofs;
mod service;
mod showing;
pub mod ssh;
mod terminal_program;
mod text;
pub mod tls;
pub mod tn3270;
mod virtual_console;
pub mod web;
pub mod wire;

pub use host::{Deck, Host, Logo, LogonRefusal, Peer, PeerOrigin, Proof, Session, Visited, WRONG_PASSWORD};
pub use journal::{Journal, Journaling};
pub use line_edit::{LineEdit, LogicalLine, logical_lines};
pub use preferences::{BreakIn, PF_KEYS, PfKey, Preferences};
pub use proofs::Proofs;
pub use terminal_program::Client;
pub use text::{LINE_MAX, is_control};
pub use virtual_console::{
    Attachment, AttachmentId, ConsoleEvent, Display, Heard, LINE_COST, Limits, Listener, Picture, Role, ScreenRefusal, VirtualConsole,
};
