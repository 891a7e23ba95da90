//! The panes of the screen, one file each. Each draws from the state into its own rectangle and knows nothing of the others.

pub mod actions;
pub mod command;
pub mod console;
pub mod details;
pub mod files;
pub mod header;
pub mod help;
pub mod leave;
pub mod legend;
pub mod machines;
pub mod messages;
pub mod processors;
pub mod small;
pub mod spool;
