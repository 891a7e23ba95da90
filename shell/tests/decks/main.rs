//! The forms in which files travel between systems, against files built byte by byte from their descriptions, and against any bytes.

mod any_bytes;
mod dump;
mod foreign;
mod netdata;
mod parsers;
