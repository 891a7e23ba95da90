//! Sessions with CMS: a user types, CMS answers. CP is a double in storage (see `double`).

mod commands;
mod disks;
mod double;
mod environment;
mod files;
mod globals;
mod programs;
mod refusals;
mod rexx;
mod spool;
mod tape;
mod tools;
