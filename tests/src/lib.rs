//! Drives the real `cp64` program.
