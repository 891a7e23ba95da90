//! The forms in which files travel between systems, against files built byte by byte from their descriptions. `fuzz` gives their parsers any
//! bytes.

mod dump;
mod foreign;
mod netdata;
