//! CMS: the shell people live in. Commands, EXECs, the disks they work on, and the way files travel between users.
//!
//! It talks to CP through one trait, [`cp::Cp`], and to minidisks through the crate `minidisk`. It runs in the guest
//! (`guests/cms` supplies the trait over DIAGNOSE) and on the host in the tests (a double of CP in storage).
//!
//! **Text convention.** A text line is a record of a file with variable records; since such a file cannot hold an
//! empty record, an empty line is a record of one blank. Files are ASCII or UTF-8; what mainframes send is EBCDIC, and [`content`] is the
//! border.
#![no_std]

extern crate alloc;

pub mod abend;
mod batch;
mod browse;
mod cards;
mod commands;
mod compare;
pub mod content;
mod copyfile;
pub mod cp;
mod debug;
mod disk;
mod disks;
pub mod dump;
mod exec;
mod filedef;
mod fileid;
mod files;
mod format;
mod globalv;
mod help;
pub mod immediate;
mod listfile;
mod message;
pub mod module;
mod names;
mod names_panel;
pub mod netdata;
mod network;
mod note;
mod peek;
mod query;
mod rdrlist;
mod reader;
mod receive;
mod records;
mod repository;
pub mod rexx;
pub mod session;
mod settings;
mod sort;
mod synonym;
mod tape;
mod tools;
mod tracing;
mod translation;
mod transmission;
mod unit_record;
mod vmlink;
mod words;

pub use commands::names as command_names;
