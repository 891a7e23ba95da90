//! Sessions with CMS: a user types, CMS answers. CP is a double in storage (see `double`).

mod commands;
mod disks;
mod double;
mod environment;
mod execs;
mod files;
#[path = "../decks/foreign.rs"]
mod foreign;
mod globals;
mod limits;
mod panels;
mod programs;
mod refusals;
mod rexx;
mod spool;
mod tape;
mod tools;
